"""A build with nothing to do is known by its stamp, which holds for nothing else."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from builder.core.errors import ExitCode
from builder.io.snapshot import take_snapshot
from tests.integration.app import checkout as parts
from tests.integration.app.checkout import Checkout
from tests.integration.app.driver import Builder, Result, tree

# Python tells every module that it imports; a build that is planned needs this one.
_WATCHED = {"PYTHONPROFILEIMPORTTIME": "1"}
_PLANNER = "builder.plan.planner"
# Builds keep no stamp when their files changed up to two seconds before.
_SETTLED_S = 2.1


def settle(checkout: Checkout) -> None:
    """Wait until all files of the checkout are old."""
    changed_s = take_snapshot([checkout.root]).changed_ns / 1e9
    time.sleep(max(0.0, changed_s + _SETTLED_S - time.time()))


def make(builder: Builder, *arguments: str) -> Result:
    return replace(builder, extra=_WATCHED).run("make", "--events", "json", *arguments)


def is_planned(result: Result) -> bool:
    assert "builder.core.events" in result.err, "modules are told"
    return f" {_PLANNER}\n" in result.err


@pytest.fixture
def stamped(builder: Builder) -> Builder:
    """A builder that has found before that it has nothing to do."""
    builder.make()
    settle(builder.checkout)
    assert is_planned(make(builder))
    assert not is_planned(make(builder))
    return builder


def test_it_tells_what_a_plan_would_tell(builder: Builder) -> None:
    builder.make()
    settle(builder.checkout)
    before = tree(builder.checkout.out)
    planned, known = make(builder), make(builder)
    assert is_planned(planned)
    assert not is_planned(known)

    def told(result: Result) -> list[dict[str, object]]:
        return [
            {key: value for key, value in event.items() if key not in ("time", "duration_s")} for event in result.events
        ]

    assert told(known) == told(planned)
    assert tree(builder.checkout.out) == before
    for arguments in ((), ("-q",)):
        builder.good("make", *arguments)
        shown = builder.good("make", *arguments)
        assert ("nothing to do" in shown.err) == (not arguments), shown.err
        assert shown.out == ""


def output(builder: Builder) -> Path:
    return builder.checkout.out / "edge/amd64/tiny"


def test_changes_are_noticed_and_made(stamped: Builder) -> None:
    checkout = stamped.checkout
    parts.replace(checkout.cluster_recipe, "1.2.3", "1.2.4")
    changed = make(stamped)
    assert changed.steps() == ["edge/amd64/executable", "edge/armv7/executable"]
    output(stamped).unlink()
    removed = make(stamped)
    assert is_planned(removed)
    assert output(stamped).is_file()
    (checkout.root / "builder/version.py").write_text('VERSION = "2"\n')
    assert is_planned(make(stamped))
    assert '"builder": "2"' in (output(stamped).parent / "manifest.json").read_text()
    (checkout.cluster / "go.mod").write_text("no module\n")
    assert make(stamped).code != ExitCode.OK


def test_a_result_that_left_the_store_is_made_again(stamped: Builder) -> None:
    (record,) = [path for path in stamped.entries() if b"edge/amd64/executable" in path.read_bytes()]
    (program,) = (record.parent / "output").iterdir()
    program.chmod(0o755)
    result = make(stamped)
    assert is_planned(result)
    assert result.steps() == ["edge/amd64/executable"]


def test_another_command_line_is_another_build(stamped: Builder, tmp_path: Path) -> None:
    assert is_planned(make(stamped, "--arch", "armv7"))
    assert is_planned(make(stamped, "--out", str(tmp_path / "out")))
    assert is_planned(make(stamped, "--set", "cluster.version=1.0.0"))
    assert is_planned(replace(stamped, extra=_WATCHED).run("make", "--events", "json", cwd=stamped.checkout.cluster))
    assert make(stamped, "--no-such-option").code == ExitCode.USAGE


def test_a_link_in_the_way_of_the_outputs_is_refused(stamped: Builder) -> None:
    place = stamped.checkout.out / "edge"
    place.rename(stamped.checkout.out / "moved")
    place.symlink_to("moved")
    result = make(stamped)
    assert result.code == ExitCode.BUILD_FAILED
    assert f"{place} is a symbolic link" in result.err


def test_files_that_changed_a_moment_ago_are_looked_at_once_more(builder: Builder) -> None:
    builder.make()
    builder.checkout.main.write_bytes(builder.checkout.main.read_bytes())
    assert is_planned(make(builder))
    assert is_planned(make(builder)), "what was read may have been what was there before"


def test_everything_that_a_plan_reads_is_watched(builder: Builder) -> None:
    """Python tells which files are opened and which directories are read: each lies in a place that the stamp names."""
    builder.make()
    settle(builder.checkout)
    hook = builder.cache.parent / "hook"
    hook.mkdir()
    seen = hook / "seen"
    (hook / "sitecustomize.py").write_text(
        "import os, sys\n"
        f"root, target = {str(builder.checkout.root)!r}, os.open({str(seen)!r}, os.O_WRONLY | os.O_CREAT)\n"
        "def note(event, arguments):\n"
        "    if event in ('open', 'os.listdir', 'os.scandir') and isinstance(arguments[0], str):\n"
        "        path = os.path.join(os.getcwd(), arguments[0])\n"
        # Names below a descriptor, as outputs are opened, lie elsewhere.
        "        if path.startswith(root) and os.path.exists(path): os.write(target, path.encode() + b'\\n')\n"
        "sys.addaudithook(note)\n"
    )
    watched = replace(builder, extra={"PYTHONPATH": f"{hook}:{builder.checkout.root}"})
    watched.make()
    (stamp,) = (builder.cache / "stamps").iterdir()
    places = [Path(path) for path in json.loads(stamp.read_text())["places"]]
    root = builder.checkout.root
    read = {Path(os.path.normpath(line)) for line in seen.read_text().splitlines()}
    read = {
        path for path in read if not path.is_relative_to(root / "builder") and not path.is_relative_to(root / "out")
    }
    assert {builder.checkout.recipe, builder.checkout.lock, builder.checkout.main} <= read
    assert [path for path in sorted(read) if not any(path.is_relative_to(place) for place in places)] == []

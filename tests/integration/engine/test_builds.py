"""What builds do when nothing disturbs them: order, reuse, isolation of failures, limits."""

import subprocess
import time
from pathlib import Path

import pytest

from builder.core.errors import BuilderError, ExitCode, MissingToolError
from builder.core.events import PlanMade, StepFailed, StepFinished, StepProgress, StepSkipped, StepStarted, Warned
from builder.core.resources import GIB, MIB, Resources
from builder.exec.result import StepsFailedError
from builder.steps.context import StepContext
from builder.steps.step import Step, StepKind
from tests.integration.engine.toy import Toy, shell


def test_a_result_is_read_only_and_reused(toy: Toy) -> None:
    step = shell("hello", 'umask 077; cd "$OUT"; mkdir d; echo hi > d/text; echo x > run; chmod 700 run')
    output = toy.build(step).output(step)
    assert (output / "d/text").read_text() == "hi\n"
    assert [oct((output / name).stat().st_mode & 0o7777) for name in ("d", "d/text", "run")] == [
        "0o555",
        "0o444",
        "0o555",
    ]
    again = toy.build(step)
    assert (again.built, again.cached, toy.names(StepStarted)) == (0, 1, [])
    assert again.output(step) == output
    assert toy.left_behind() == []


def test_a_build_with_nothing_to_do_writes_nothing(toy: Toy, cache: Path) -> None:
    step = shell("hello", "echo hi > $OUT/text")
    toy.build(step)
    toy.build(step)
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file()}
    toy.build(step)
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file()} == before


def test_a_change_runs_what_depends_on_it_and_going_back_runs_nothing(toy: Toy) -> None:
    def chain(text: str) -> Step[StepContext]:
        first = shell("first", f"echo {text} > $OUT/text")
        other = shell("other", "echo same > $OUT/text")
        return shell("last", 'cat "$NEED_a/text" "$NEED_b/text" > $OUT/text', {"a": first, "b": other})

    toy.build(chain("one"))
    assert sorted(toy.names(StepStarted)) == ["first", "last", "other"]
    changed = chain("two")
    assert (toy.build(changed).output(changed) / "text").read_text() == "two\nsame\n"
    assert toy.names(StepStarted) == ["first", "last"]
    reasons = [event.reason for event in toy.events if isinstance(event, StepStarted)]
    assert reasons == ["input changed: text echo one > $OUT/text -> echo two > $OUT/text", reasons[1]]
    assert "first" in reasons[1]
    toy.build(chain("one"))
    assert toy.names(StepStarted) == []


def test_estimates_come_from_earlier_runs(toy: Toy) -> None:
    toy.build(shell("slow", "sleep 0.3; echo 1 > $OUT/a"))
    toy.build(shell("slow", "echo 2 > $OUT/a"), shell("new", "echo > $OUT/a"))
    made = [event for event in toy.events if isinstance(event, PlanMade)]
    assert [(event.steps, event.cached, event.unknown) for event in made] == [(2, 0, 1)]
    assert made[0].estimate_s is not None
    assert made[0].estimate_s >= 0.3


def test_a_failure_takes_down_only_what_depends_on_it(toy: Toy) -> None:
    bad = shell("bad", "echo the reason >&2; exit 3")
    child = shell("child", "true", {"a": bad})
    grandchild = shell("grandchild", "true", {"a": child})
    missing = Step(id="missing", kind=StepKind(name="missing", version=1, run=_needs_tool), input="x")
    good = shell("good", "sleep 0.2; echo ok > $OUT/text")
    dependant = shell("dependant", 'cp "$NEED_a/text" "$OUT"', {"a": good})
    with pytest.raises(StepsFailedError) as caught:
        toy.build(grandchild, missing, dependant)
    error = caught.value
    assert sorted(failure.step for failure in error.result.failures) == ["bad", "missing"]
    assert sorted(toy.names(StepSkipped)) == ["child", "grandchild"]
    assert (error.result.output(dependant) / "text").read_text() == "ok\n"
    assert error.exit_code is ExitCode.BUILD_FAILED
    failed = next(event for event in toy.events if isinstance(event, StepFailed) and event.step == "bad")
    assert failed.details == ("the reason",)
    assert failed.exit_status == 3
    assert "exit 3" in failed.command
    assert "the reason" in Path(failed.log).read_text()
    # The command can be pasted into a shell, where it does the same again: its directory was kept, and nothing else.
    again = subprocess.run(["/bin/sh", "-c", failed.command], capture_output=True, text=True, check=False)
    assert (again.returncode, again.stderr) == (3, "the reason\n")
    assert {path.name.partition(".")[0] for path in toy.store.layout.work.iterdir()} == {bad.key.hex}
    # What failed is tried again, and nothing else.
    with pytest.raises(StepsFailedError):
        toy.build(grandchild, missing, dependant)
    assert sorted(toy.names(StepStarted)) == ["bad", "missing"]


def _needs_tool(_: str, __: StepContext) -> None:
    raise MissingToolError("no such tool")


def test_the_exit_code_is_that_of_the_failures_when_they_agree(toy: Toy) -> None:
    missing = Step(id="missing", kind=StepKind(name="missing", version=1, run=_needs_tool), input="x")
    with pytest.raises(StepsFailedError) as caught:
        toy.build(missing)
    assert caught.value.exit_code is ExitCode.MISSING_TOOL


def _defect(_: str, __: StepContext) -> None:
    raise ZeroDivisionError("what a defect")


def test_a_defect_in_a_step_is_a_failure_like_any_other(toy: Toy) -> None:
    step = Step(id="broken", kind=StepKind(name="broken", version=1, run=_defect), input="x")
    with pytest.raises(StepsFailedError):
        toy.build(step, shell("good", "echo > $OUT/a"))
    failed = next(event for event in toy.events if isinstance(event, StepFailed))
    assert "ZeroDivisionError: what a defect" in failed.brief
    assert "Traceback" in Path(failed.log).read_text()
    assert toy.names(StepFinished) == ["good"]


def test_cores_and_memory_are_never_exceeded(cache: Path, tmp_path: Path) -> None:
    toy = Toy(cache=cache, machine=Resources(cores=3, memory_bytes=GIB))
    diary = tmp_path / "diary"
    steps = []
    for number in range(12):
        cores, memory_bytes = (1, 100 * MIB) if number % 3 else (2, 600 * MIB)
        line = f"{cores} {memory_bytes}"
        text = f"echo + {line} >> {diary}; sleep 0.1; echo - {line} >> {diary}; echo {number} > $OUT/a"
        steps.append(shell(f"s{number}", text, cores=cores, memory_bytes=memory_bytes))
    toy.build(*steps)
    toy.close()
    used_cores = used_memory = most_cores = 0
    for row in diary.read_text().splitlines():
        sign, cores_text, memory_text = row.split()
        factor = 1 if sign == "+" else -1
        used_cores += factor * int(cores_text)
        used_memory += factor * int(memory_text)
        assert used_cores <= 3
        assert used_memory <= GIB
        most_cores = max(most_cores, used_cores)
    assert most_cores == 3
    assert used_cores == 0


def test_a_step_that_wants_more_cores_than_there_are_gets_all(cache: Path) -> None:
    toy = Toy(cache=cache, machine=Resources(cores=2, memory_bytes=GIB))
    seen: list[int] = []

    def note(_: str, context: StepContext) -> None:
        seen.append(context.cores)

    kind = StepKind(name="cores", version=1, run=note)
    toy.build(Step(id="wide", kind=kind, input="x", resources=Resources(cores=64)))
    toy.close()
    assert seen == [2]


def test_a_step_that_wants_more_memory_than_there_is_stops_all_before_it_starts(toy: Toy) -> None:
    with pytest.raises(BuilderError, match="too little memory") as caught:
        toy.build(shell("small", "echo > $OUT/a"), shell("huge", "true", memory_bytes=5 * GIB))
    assert caught.value.details == ("huge needs 5.0 GiB, this machine (or its control group) has 4.0 GiB",)
    assert toy.names(StepStarted) == []


def test_more_memory_than_declared_is_told(toy: Toy) -> None:
    eat = "import time; block = bytearray(80 << 20); time.sleep(1)"
    toy.build(shell("hungry", f"/usr/bin/env python3 -c '{eat}'; echo > $OUT/a", memory_bytes=20 * MIB))
    warnings = [event.message for event in toy.events if isinstance(event, Warned)]
    assert len(warnings) == 1
    assert warnings[0].startswith("hungry used ")
    assert warnings[0].endswith("more than the 20.0 MiB that it declares")
    finished = next(event for event in toy.events if isinstance(event, StepFinished))
    assert 80 * MIB < finished.peak_memory_bytes < 200 * MIB


def _download(_: str, context: StepContext) -> None:
    for done in (10, 60, 100, 5, 50):
        context.progress("download", done, 100, "bytes")
    context.progress("unpack", 7, 9, "files")


def test_downloaded_bytes_are_added_up_over_files(toy: Toy) -> None:
    toy.build(Step(id="fetch", kind=StepKind(name="fetch", version=1, run=_download), input="x"))
    finished = next(event for event in toy.events if isinstance(event, StepFinished))
    assert finished.downloaded_bytes == 150
    assert {event.what for event in toy.events if isinstance(event, StepProgress)} == {"download"}


def test_the_last_logs_are_kept(toy: Toy, cache: Path) -> None:
    for number in range(25):
        (cache / "logs" / f"20200101-0000{number:02}-{4000000 + number}").mkdir(parents=True)
    toy.build(shell("a/b", "echo said; echo > $OUT/a"))
    runs = sorted(path.name for path in (cache / "logs").iterdir())
    assert len(runs) == 20
    assert runs[0] == "20200101-000006-4000006"
    assert "said" in (cache / "logs" / runs[-1] / "a_b.log").read_text()


def test_the_longest_way_starts_first(cache: Path) -> None:
    toy = Toy(cache=cache, machine=Resources(cores=1, memory_bytes=GIB))
    for text in ("one", "two"):
        short = shell("short", f"echo {text} > $OUT/a")
        long = shell("long", f"sleep 0.4; echo {text} > $OUT/a")
        toy.build(short, long)
    toy.close()
    assert toy.names(StepStarted) == ["long", "short"]


def test_a_stalled_download_is_ended_with_a_reason(toy: Toy) -> None:
    fetch = (
        "import socket\nserver = socket.create_server(('127.0.0.1', 0))\n"
        "client = socket.create_connection(server.getsockname())\nclient.sendall(b'GET / HTTP/1.0')\nclient.recv(1)"
    )
    started_s = time.monotonic()
    with pytest.raises(StepsFailedError):
        toy.build(shell("fetch", f'/usr/bin/env python3 -c "{fetch}"', stall_s=1.0))
    failed = next(event for event in toy.events if isinstance(event, StepFailed))
    assert "neither read, wrote nor computed anything for 1 s" in failed.brief
    assert time.monotonic() - started_s < 60

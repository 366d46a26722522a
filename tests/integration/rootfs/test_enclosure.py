import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.core.errors import InterruptedBuildError, MissingToolError
from builder.io.command import CommandError
from builder.io.enclosure import SYSTEM_MOUNTS, Enclosure, Mount, granted_ids
from builder.io.leash import Leash
from builder.io.spawn import Runner
from tests.integration.roots.material import tree

SHELL = ("/bin/busybox", "sh", "-c")


@pytest.fixture(scope="module")
def busybox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tree("busybox", tmp_path_factory.mktemp("busybox"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def enclosure(root: Path, busybox: Path) -> Enclosure:
    return Enclosure(root=root, mounts=(Mount.of(busybox / "bin", "bin", read_only=True), *SYSTEM_MOUNTS))


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    with Leash() as leash:
        yield Runner(log=tmp_path / "log", leash=leash)


def said(enclosure: Enclosure, runner: Runner, script: str) -> str:
    runner.log.unlink(missing_ok=True)
    enclosure.run(runner, [*SHELL, script.replace("$B", "/bin/busybox")], {"WORD": "two words"})
    return "".join(runner.log.read_text().splitlines(keepends=True)[1:])


def test_whoever_is_inside_is_root_of_a_system_of_their_own(enclosure: Enclosure, runner: Runner) -> None:
    told = said(enclosure, runner, 'echo "$WORD" $($B id -u) $($B hostname) $($B ls /); $B ls /sys/class/net; $B pwd')
    assert told == "two words 0 localhost bin dev proc sys tmp\nlo\n/\n"


def test_processes_outside_are_not_seen(enclosure: Enclosure, runner: Runner) -> None:
    pids = said(enclosure, runner, "$B ps -o pid").split()[1:]
    assert len(pids) <= 4


def test_what_is_read_only_cannot_be_written(enclosure: Enclosure, runner: Runner, busybox: Path) -> None:
    told = said(enclosure, runner, "$B touch /bin/x || $B mount -o remount,rw /bin || $B touch /here; echo $?")
    assert "Read-only file system" in told
    assert not (busybox / "bin/x").exists()


def test_nothing_that_is_mounted_inside_is_seen_outside(enclosure: Enclosure, runner: Runner, root: Path) -> None:
    said(enclosure, runner, "$B touch /tmp/gone /stays; $B mount -t tmpfs none /stays-too 2>&1; exit 0")
    assert list((root / "tmp").iterdir()) == []
    assert list((root / "bin").iterdir()) == []
    assert (root / "stays").owner() == Path(root).owner()
    assert str(root) not in Path("/proc/self/mounts").read_text()


def test_devices_are_there_and_no_more(enclosure: Enclosure, runner: Runner) -> None:
    told = said(
        enclosure, runner, "echo x > /dev/null && $B head -c 3 /dev/zero | $B wc -c && $B find /dev -type b | $B wc -l"
    )
    assert told == "3\n0\n"


def test_the_status_is_the_command_s(enclosure: Enclosure, runner: Runner) -> None:
    with pytest.raises(CommandError, match="busybox failed with exit status 7") as caught:
        enclosure.run(runner, [*SHELL, "exit 7"], {})
    assert caught.value.failure.exit_status == 7
    with pytest.raises(CommandError) as caught:
        enclosure.run(runner, [*SHELL, "kill -9 $$"], {})
    assert caught.value.failure.exit_status == 128 + 9


def test_a_command_that_is_not_there_is_told(enclosure: Enclosure, runner: Runner) -> None:
    with pytest.raises(MissingToolError, match="cannot start /usr/bin/nothing: No such file or directory"):
        enclosure.run(runner, ["/usr/bin/nothing"], {})


def test_daemons_end_with_the_command(enclosure: Enclosure, runner: Runner) -> None:
    said(enclosure, runner, "$B setsid $B sleep 4711 < /dev/null > /dev/null 2>&1 & exit 0")
    assert _processes_with("4711") == []


def test_a_cancelled_build_leaves_nothing(enclosure: Enclosure, runner: Runner) -> None:
    timer = threading.Timer(0.5, runner.cancel.set)
    timer.start()
    with pytest.raises(InterruptedBuildError):
        enclosure.run(runner, [*SHELL, "/bin/busybox setsid /bin/busybox sleep 4712"], {})
    deadline = time.monotonic() + 5
    while _processes_with("4712") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _processes_with("4712") == []


def _processes_with(word: str) -> list[str]:
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if word.encode() in words:
            found.append(place.name)
    return found


def test_all_that_ordinary_users_lack_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builder.io.enclosure._MAP_TOOL_PATH", str(tmp_path))
    (tmp_path / "subuid").write_text("somebody:1000:65536\nme:1000:1000\n")
    with pytest.raises(MissingToolError) as caught:
        granted_ids(tmp_path, "me")
    assert caught.value.details == (
        "missing: the program newuidmap",
        "missing: the program newgidmap",
        f"missing: 65535 ids or more for me in {tmp_path}/subuid",
        f"missing: 65535 ids or more for me in {tmp_path}/subgid",
    )
    assert "apt install uidmap" in caught.value.hint


def test_granted_ids_follow_the_user_s_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builder.io.enclosure._MAP_TOOL_PATH", str(tmp_path))
    for name in ("newuidmap", "newgidmap"):
        (tmp_path / name).touch(mode=0o755)
        (tmp_path / name.replace("new", "sub").removesuffix("map")).write_text("me:500:10\nme:100000:65536\n")
    assert granted_ids(tmp_path, "me") == {
        "uid": [(0, os.geteuid(), 1), (1, 100000, 65535)],
        "gid": [(0, os.getegid(), 1), (1, 100000, 65535)],
    }

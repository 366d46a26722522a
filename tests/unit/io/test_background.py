"""Commands that run beside the builder."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.io.background import Background
from builder.io.command import Command
from builder.io.leash import Leash
from builder.io.spawn import Runner


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    with Leash() as leash:
        yield Runner(log=tmp_path / "log", leash=leash)


def python(code: str) -> Command:
    return Command(argv=[sys.executable, "-c", code], env={}, cwd=Path("/"))


def is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_it_runs_until_its_block_ends(runner: Runner) -> None:
    with Background(runner, python("import time; time.sleep(600)")) as process:
        assert process.wait(0.05) is None
        pid = process.pid
    assert is_gone(pid)
    assert process.wait(0) == -15


def test_it_ends_by_itself(runner: Runner) -> None:
    with Background(runner, python("import sys; print('why'); sys.exit(3)")) as process:
        assert process.wait(60) == 3
        assert process.wait(0) == 3
        failure = process.failure()
    assert "exit status 3" in failure.brief
    assert failure.details == ("why",)


def test_it_is_killed(runner: Runner) -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"
    with Background(runner, python(code)) as process:
        process.kill()
        assert is_gone(process.pid)
        process.kill()
    assert process.wait(0) == -9
    assert "SIGKILL" in process.failure().brief

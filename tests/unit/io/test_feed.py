"""Standard input that is written while the command reads it."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from builder.core.errors import BuilderError, MissingToolError
from builder.io.files import write_all
from builder.io.spawn import Command, CommandError, Runner

# More than any pipe holds.
LONG = b"x" * (8 << 20)


def opened() -> list[str]:
    return sorted(one.name for one in Path("/proc/self/fd").iterdir())


def write_long(descriptor: int) -> None:
    write_all(descriptor, LONG)


def writes_half(descriptor: int) -> None:
    write_all(descriptor, b"half")
    raise BuilderError("the other half is lost")


def test_a_command_reads_all_of_it(runner: Runner, command: Command, tmp_path: Path) -> None:
    runner.run(replace(command, argv=["sh", "-c", "cat > read"]), feed=write_long)
    assert (tmp_path / "read").read_bytes() == LONG


def test_who_has_enough_may_end(runner: Runner, command: Command) -> None:
    runner.run(replace(command, argv=["head", "-c", "1"]), feed=write_long)


def test_a_command_that_fails_is_told_and_its_writer_ends(runner: Runner, command: Command) -> None:
    with pytest.raises(CommandError, match="exit status 7"):
        runner.run(replace(command, argv=["sh", "-c", "exit 7"]), feed=write_long)
    assert not [one for one in threading.enumerate() if one.name.startswith("feed")]


@pytest.mark.parametrize("verdict", ["0", "7"])
def test_half_an_input_is_told_whatever_the_command_made_of_it(verdict: str, runner: Runner, command: Command) -> None:
    with pytest.raises(BuilderError, match="the other half is lost"):
        runner.run(replace(command, argv=["sh", "-c", f"cat; exit {verdict}"]), feed=writes_half)


def test_a_program_that_is_not_there_leaves_nothing_open(runner: Runner, command: Command) -> None:
    runner.run(command)
    before = opened()
    with pytest.raises(MissingToolError):
        runner.run(replace(command, argv=["no-such-program"]), feed=write_long)
    assert opened() == before

import os
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from builder.core.errors import BuilderError, InterruptedBuildError, MissingToolError
from builder.io.spawn import Command, CommandError, EndReason, Runner, command_line


def sh(command: Command, text: str) -> Command:
    return replace(command, argv=["sh", "-c", text])


def failure(runner: Runner, command: Command) -> CommandError:
    with pytest.raises(CommandError) as caught:
        runner.run(command)
    return caught.value


def test_output_goes_to_the_log_after_the_command_line(runner: Runner, command: Command, tmp_path: Path) -> None:
    runner.run(sh(command, "echo out; echo err >&2"))
    runner.run(sh(command, "echo more"))
    lines = runner.log.read_text().splitlines()
    assert (
        lines[0]
        == f"$ cd {tmp_path} && env -i LC_ALL=C.UTF-8 PATH={command.env['PATH']} sh -c 'echo out; echo err >&2'"
    )
    assert lines[1:3] == ["out", "err"]
    assert lines[4:] == ["more"]


def test_capture_returns_standard_output_only(runner: Runner, command: Command) -> None:
    assert runner.capture(sh(command, "echo Grüße; echo err >&2; printf '\\377'")) == "Grüße\n�"
    assert runner.log.read_text().splitlines()[-1] == "err"


def test_standard_input_is_a_file_or_nothing(runner: Runner, command: Command, tmp_path: Path) -> None:
    (tmp_path / "two words").write_text("read me")
    reading = replace(sh(command, "cat"), stdin=tmp_path / "two words")
    assert runner.capture(reading) == "read me"
    assert runner.capture(sh(command, "cat")) == ""
    assert command_line(reading).endswith(f" sh -c cat < '{tmp_path}/two words'")
    with pytest.raises(BuilderError, match=r"sh is to read .*: No such file"):
        runner.run(replace(reading, stdin=tmp_path / "absent"))


def test_capture_is_not_held_up_by_a_grandchild(runner: Runner, command: Command) -> None:
    assert runner.capture(sh(command, "echo done; sleep 300 &")) == "done\n"


def test_nothing_is_inherited(
    runner: Runner, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LEAKED", "1")
    monkeypatch.setenv("LC_ALL", "C")
    before = os.umask(0o077)
    try:
        told = runner.capture(sh(replace(command, env={**command.env, "GIVEN": "2"}), "env; umask; cat; pwd"))
    finally:
        os.umask(before)
    lines = set(told.splitlines())
    assert {"GIVEN=2", "LC_ALL=C.UTF-8", "0022", str(tmp_path)} <= lines
    assert "LEAKED" not in told
    assert runner.capture(sh(command, "ps -o pgid= -p $$ 2>/dev/null || cut -d' ' -f5 /proc/$$/stat")).strip() != str(
        os.getpgrp()
    )


def test_standard_input_is_empty(runner: Runner, command: Command) -> None:
    kept = os.dup(0)
    reader, writer = os.pipe()
    os.write(writer, b"typed by the user")
    os.dup2(reader, 0)
    try:
        assert runner.capture(replace(sh(command, "cat"), timeout_s=30)) == ""
    finally:
        os.dup2(kept, 0)
        for descriptor in (kept, reader, writer):
            os.close(descriptor)


def test_the_locale_can_be_chosen(runner: Runner, command: Command) -> None:
    assert runner.capture(sh(replace(command, env={**command.env, "LC_ALL": "C"}), "echo $LC_ALL")) == "C\n"


def test_a_failure_says_what_and_how(runner: Runner, command: Command, tmp_path: Path) -> None:
    runner.run(sh(command, "echo of an earlier command"))
    error = failure(runner, sh(command, "seq 30; exit 7"))
    assert error.brief == "sh failed with exit status 7"
    assert (error.failure.exit_status, error.failure.signal, error.failure.reason) == (7, None, EndReason.EXIT)
    assert error.failure.last_lines == tuple(str(number) for number in range(11, 31))
    assert error.failure.log == tmp_path / "step.log"
    assert error.failure.command_line in str(error)
    assert str(error.failure.log) in str(error)
    assert failure(runner, sh(command, "exit 1")).details == ()


def test_the_shown_command_can_be_replayed(runner: Runner, command: Command, tmp_path: Path) -> None:
    place = tmp_path / "it's a höhle"
    place.mkdir()
    script = 'printf "%s|" "$A" "$PWD" "$LC_ALL" "$@"'
    odd = replace(
        command, argv=["sh", "-c", script, "x", "a b", "c'd", "$HOME", ""], cwd=place, env={**command.env, "A": "x $y"}
    )
    expected = runner.capture(odd)
    replayed = subprocess.run(["/bin/sh", "-c", command_line(odd)], capture_output=True, text=True, check=True)
    assert replayed.stdout == expected == f"x $y|{place}|C.UTF-8|a b|c'd|$HOME||"


def test_secrets_are_named_not_shown(runner: Runner, command: Command) -> None:
    env = {**command.env, "GOPROXY": "https://user:p%40ssword@proxy.example/go,direct", "TOKEN": "abcdef123456"}
    secret = replace(
        command,
        argv=["sh", "-c", "echo $GOPROXY; echo p@ssword $TOKEN; exit 1", "abcdef123456"],
        env=env,
        secret_env=frozenset({"GOPROXY", "TOKEN", "ABSENT"}),
    )
    error = failure(runner, secret)
    for word in ("p%40ssword", "p@ssword", "abcdef123456"):
        assert word not in str(error)
    assert 'GOPROXY="$GOPROXY"' in error.failure.command_line
    assert error.failure.last_lines == ("$GOPROXY", "$(password in GOPROXY) $TOKEN")
    assert runner.log.read_text().splitlines()[0].count("abcdef123456") == 0


def test_a_signal_is_named(runner: Runner, command: Command) -> None:
    error = failure(runner, sh(command, "kill -SEGV $$"))
    assert error.brief == "sh was ended by signal SIGSEGV"
    assert (error.failure.exit_status, error.failure.signal, error.failure.reason) == (None, 11, EndReason.SIGNAL)
    assert "memory" in failure(runner, sh(command, "kill -KILL $$")).hint


def test_a_timeout_ends_the_whole_group(runner: Runner, command: Command, tmp_path: Path) -> None:
    text = f"trap '' TERM; echo $$ > {tmp_path}/a; (trap '' TERM; echo $$ > {tmp_path}/b; sleep 300); sleep 300"
    error = failure(runner, replace(sh(command, text), timeout_s=0.5))
    assert error.brief == "sh was ended: it was not done after 0.5 s"
    assert error.failure.reason is EndReason.TIMEOUT
    assert not Path(f"/proc/{(tmp_path / 'a').read_text().strip()}").exists()


def test_a_stall_is_told_from_work(runner: Runner, command: Command) -> None:
    error = failure(runner, replace(sh(command, "echo begun; sleep 300"), stall_s=0.6))
    assert error.failure.reason is EndReason.STALL
    assert error.brief == "sh was ended: it neither read, wrote nor computed anything for 0.6 s"
    assert error.details == ("begun",)
    # Twice as long, but never idle: by its output, and by its processor time. A busy machine may leave it waiting for a second.
    runner.run(replace(sh(command, "for i in 1 2 3 4 5 6 7 8; do sleep 0.4; echo $i; done"), stall_s=1.5))
    runner.run(
        replace(command, argv=["python3", "-c", "import time\nwhile time.process_time() < 3: pass"], stall_s=1.5)
    )


@pytest.mark.parametrize("name", ["no-such-program", "./no-such-program", "/no/such/program"])
def test_a_missing_program_is_named(runner: Runner, command: Command, name: str) -> None:
    with pytest.raises(MissingToolError, match=f"the program {name} was not found"):
        runner.run(replace(command, argv=[name]))


def test_a_program_is_not_looked_for_in_the_builders_path(runner: Runner, command: Command) -> None:
    with pytest.raises(MissingToolError, match="the program sh was not found"):
        runner.run(replace(command, argv=["sh", "-c", "true"], env={}))


def test_a_program_of_another_machine_is_named(runner: Runner, command: Command, tmp_path: Path) -> None:
    (tmp_path / "foreign").write_bytes(b"\x7fELF" + bytes(60))
    (tmp_path / "foreign").chmod(0o755)
    with pytest.raises(MissingToolError, match="cannot be started: Exec format error"):
        runner.run(replace(command, argv=["./foreign"]))


def test_a_missing_directory_is_named(runner: Runner, command: Command, tmp_path: Path) -> None:
    with pytest.raises(BuilderError, match="there is no such directory"):
        runner.run(replace(command, cwd=tmp_path / "absent"))


def test_cancelling_ends_a_command(runner: Runner, command: Command) -> None:
    threading.Timer(0.3, runner.cancel.set).start()
    started_s = time.monotonic()
    with pytest.raises(InterruptedBuildError):
        runner.run(sh(command, "trap '' TERM; sleep 300; sleep 300"))
    print(f"ended after {time.monotonic() - started_s:.2f} s")  # noqa: T201
    assert time.monotonic() - started_s < 60
    with pytest.raises(InterruptedBuildError):
        runner.run(command)


def test_a_polite_command_may_clean_up(runner: Runner, command: Command, tmp_path: Path) -> None:
    threading.Timer(0.5, runner.cancel.set).start()
    with pytest.raises(InterruptedBuildError):
        runner.run(sh(command, f"trap 'echo > {tmp_path}/cleaned; exit' TERM; while true; do sleep 0.05; done"))
    assert (tmp_path / "cleaned").exists()


def test_use_is_measured_over_all_processes(runner: Runner, command: Command) -> None:
    eat = "import time; b = bytearray(50 << 20)\nwhile time.process_time() < 0.5: pass\ntime.sleep(0.5)"
    completed = runner.run(sh(command, f"python3 -c '{eat}' & python3 -c '{eat}' & wait"))
    assert 100 << 20 < completed.peak_memory_bytes < 300 << 20
    assert completed.cpu_s >= 0.9
    usage = runner.meter.usage()
    assert usage.peak_memory_bytes == completed.peak_memory_bytes
    runner.run(command)
    assert runner.meter.usage().peak_memory_bytes == usage.peak_memory_bytes

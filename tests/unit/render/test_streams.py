"""Renderers among unfriendly streams, unfriendly output, and many threads."""

import io
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.cli.render.base import Renderer
from builder.cli.render.error import render_error
from builder.cli.render.mode import Mode
from builder.cli.render.renderer import make_renderer
from builder.core.errors import BuilderError
from builder.core.events import Event, Warned
from builder.core.resources import MIB
from builder.io.spawn import CommandError, CommandFailure, EndReason
from tests.unit.render.samples import (
    COMMAND,
    FakeTime,
    artifacts,
    download,
    failed,
    finished,
    mixed_story,
    started,
    text_stream,
    written,
)

HUMAN = [Mode.TERMINAL, Mode.PLAIN, Mode.QUIET]


class GoneStream(io.StringIO):
    """Its reader went away after the first write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        if self.writes > 1:
            raise BrokenPipeError
        return super().write(text)

    def flush(self) -> None:
        if self.writes > 1:
            raise BrokenPipeError


@pytest.mark.parametrize("mode", list(Mode))
def test_a_reader_that_goes_away_does_not_end_the_build(mode: Mode) -> None:
    stream, fake = GoneStream(), FakeTime()
    with make_renderer(mode, stream, fake.options(TERM="xterm")) as renderer:
        mixed_story().play(renderer, fake)
    assert stream.writes == 2, "nothing more is tried after the first failure"


@pytest.mark.parametrize("mode", list(Mode))
def test_a_closed_stream_does_not_end_the_build(mode: Mode) -> None:
    stream, fake = io.StringIO(), FakeTime()
    with make_renderer(mode, stream, fake.options(TERM="xterm")) as renderer:
        stream.close()
        mixed_story().play(renderer, fake)


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1", "cp1252", "utf-8"])
@pytest.mark.parametrize("mode", list(Mode))
def test_letters_that_the_encoding_lacks_become_escapes(mode: Mode, encoding: str) -> None:
    stream, fake = text_stream(encoding), FakeTime()
    with make_renderer(mode, stream, fake.options(TERM="xterm")) as renderer:
        mixed_story().play(renderer, fake)
        renderer(Warned(message="größer als 日本, and a name that is no UTF-8: \udcff"))
    text = written(stream)
    if mode is Mode.JSON:
        assert json.loads(text.splitlines()[-1])["message"].startswith("größer als 日本")
    else:
        assert "\\udcff" in text
        assert ("\\u65e5" in text) == (encoding != "utf-8")


@pytest.mark.parametrize("mode", HUMAN)
def test_output_of_other_programs_cannot_steer_the_terminal(mode: Mode) -> None:
    stream, fake = text_stream(), FakeTime()
    nasty = "\x1b[2J\x1b]0;owned\x07\x1b[31mred\r\x08"
    with make_renderer(mode, stream, fake.options(TERM="xterm", NO_COLOR="1")) as renderer:
        renderer(started("a", reason=nasty))
        renderer(failed("a", brief=nasty, details=(nasty,), hint=nasty, log=nasty, command=f"echo {nasty}"))
        renderer(Warned(message=nasty))
    text = written(stream)
    assert "owned" not in text
    assert "\x1b[2J" not in text
    assert "\x1b[31m" not in text
    assert text.count("red\\x0d\\x08") >= 5


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("mode", HUMAN)
def test_command_is_neither_wrapped_nor_cut(mode: Mode, width: int) -> None:
    stream, fake = text_stream(), FakeTime()
    with make_renderer(mode, stream, fake.options(TERM="xterm", console_width=width)) as renderer:
        renderer(failed("edge/arm64/executable"))
    assert f"\n{COMMAND}\n" in written(stream)


def test_command_of_several_lines_stays_what_it_is() -> None:
    stream, fake = text_stream(), FakeTime()
    command = "sh -c 'echo one\n  echo two'"
    with make_renderer(Mode.PLAIN, stream, fake.options()) as renderer:
        renderer(failed("a", command=command))
    assert f"\n{command}\n" in written(stream)


def test_failure_without_command_log_and_hint_is_short() -> None:
    stream, fake = text_stream(), FakeTime()
    with make_renderer(Mode.QUIET, stream, fake.options()) as renderer:
        renderer(failed("a", brief="no room left", details=(), hint="", command="", log="", exit_status=None))
    assert written(stream) == "error: a failed: no room left\n"


def test_exit_status_is_told_once() -> None:
    stream, fake = text_stream(), FakeTime()
    with make_renderer(Mode.QUIET, stream, fake.options()) as renderer:
        renderer(failed("a", brief="go build did not work", exit_status=3))
        renderer(failed("b", brief="go failed with exit status 1", exit_status=1))
    assert [line for line in written(stream).splitlines() if line.startswith("error")] == [
        "error: a failed: go build did not work (exit status 3)",
        "error: b failed: go failed with exit status 1",
    ]


def test_progress_is_told_every_thirty_seconds_for_each_step() -> None:
    stream, fake = text_stream(), FakeTime()
    with make_renderer(Mode.PLAIN, stream, fake.options()) as renderer:
        for step in "ab":
            renderer(started(step))
        for second in range(1, 101):
            fake.now_s += 1.0
            renderer(download("a", second * MIB))
            if second > 50:
                renderer(download("b", second * MIB))
    told = [line for line in written(stream).splitlines() if "downloaded" in line]
    assert told == [
        "[  30.0s]         a: 30.0 MiB downloaded",
        "[  51.0s]         b: 51.0 MiB downloaded",
        "[  60.0s]         a: 60.0 MiB downloaded",
        "[  81.0s]         b: 81.0 MiB downloaded",
        "[  90.0s]         a: 90.0 MiB downloaded",
    ]


def test_artifacts_after_the_end_are_shown_too() -> None:
    for mode in (Mode.PLAIN, Mode.TERMINAL):
        stream, fake = text_stream(), FakeTime()
        with make_renderer(mode, stream, fake.options(TERM="xterm")) as renderer:
            mixed_story().play(renderer, fake)
            before = written(stream).count("out/edge/armv7/kedge")
            renderer(artifacts()[0])
        assert (before, written(stream).count("out/edge/armv7/kedge")) == (1, 2)


def _hammer(renderer: Renderer, threads: int, rounds: int) -> None:
    barrier = threading.Barrier(threads)

    def work(number: int) -> None:
        barrier.wait()
        for turn in range(rounds):
            step = f"step/{number}/{turn}"
            events: list[Event] = [
                started(step),
                download(step, turn),
                finished(step)
                if turn % 5
                else failed(step, details=tuple(f"{step} line {index}" for index in range(4))),
            ]
            for event in events:
                renderer(event)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert not any(worker.is_alive() for worker in workers)


class SlowStream(io.StringIO):
    """Notices when two threads write at once."""

    def __init__(self) -> None:
        super().__init__()
        self.writers = 0
        self.most_writers = 0

    def write(self, text: str) -> int:
        self.writers += 1
        self.most_writers = max(self.most_writers, self.writers)
        time.sleep(0.001)
        self.writers -= 1
        return super().write(text)


@pytest.mark.parametrize("mode", list(Mode))
def test_one_thread_at_a_time_writes(mode: Mode) -> None:
    stream = SlowStream()
    with make_renderer(mode, stream, FakeTime().options(TERM="xterm")) as renderer:
        _hammer(renderer, threads=4, rounds=10)
    assert stream.most_writers == 1


@pytest.mark.parametrize("mode", list(Mode))
def test_many_threads_at_once(mode: Mode) -> None:
    threads, rounds = 8, 50
    stream, fake = text_stream(), FakeTime()
    with make_renderer(mode, stream, fake.options(TERM="xterm", NO_COLOR="1", console_width=60)) as renderer:
        _hammer(renderer, threads, rounds)
    text = written(stream)
    if mode is Mode.JSON:
        assert len([json.loads(line) for line in text.splitlines()]) == threads * rounds * 3
        return
    # The lines of one failure stand together, whatever the other threads do.
    lines = text.split("\n")
    blocks = [index for index, line in enumerate(lines) if " failed" in line]
    assert len(blocks) == threads * rounds // 5
    for index in blocks:
        step = lines[index].split(" failed")[0].split(" ")[-1]
        assert lines[index + 1 : index + 5] == [f"    {step} line {number}" for number in range(4)]
        assert lines[index + 6] == COMMAND


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: BuilderError("it broke"), "error: it broke\n"),
        (lambda: BuilderError("it broke", hint="mend it"), "error: it broke\nhint: mend it\n"),
        (lambda: BuilderError("\x1b[31mit broke", details=["a\n\nb", ""]), "error: it broke\n  a\n  \n  b\n  \n"),
    ],
)
def test_error_that_ends_a_command(make: Callable[[], BuilderError], text: str) -> None:
    assert render_error(make()) == text


def test_error_of_a_command_can_be_replayed() -> None:
    failure = CommandFailure(
        reason=EndReason.EXIT,
        command_line=COMMAND,
        exit_status=1,
        signal=None,
        last_lines=["undefined: serve"],
        log=Path("/logs/a.log"),
    )
    assert render_error(CommandError("go failed", failure=failure, hint="mend it")).splitlines() == [
        "error: go failed",
        "  undefined: serve",
        "to run it again by hand:",
        COMMAND,
        "log: /logs/a.log",
        "hint: mend it",
    ]

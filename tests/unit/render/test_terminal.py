"""The live display in a real pseudo-terminal, in a process of its own."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.unit.render.samples import COMMAND
from tests.unit.render.screen import Screen, screens

ROOT = Path(__file__).parents[3]
_TIMEOUT_S = 30.0
_PLAY = """
import os, sys, time
from builder.cli.render.mode import Mode
from builder.cli.render.base import RenderOptions
from builder.cli.render.renderer import make_renderer
from tests.unit.render.samples import FakeTime, mixed_story, started
options = RenderOptions(environment=os.environ)
"""
_STORY = """
clock = FakeTime()
with make_renderer(Mode.TERMINAL, sys.stderr, clock.options(**os.environ)) as renderer:
    for pause_s, event in mixed_story().chapters:
        clock.now_s += pause_s
        renderer(event)
        # Long enough for a refresh of the display, on a busy machine too.
        time.sleep(0.3 if pause_s in (0.1, 72.4) else 0)
print("result on stdout")
"""
_ENDLESS = """
try:
    with make_renderer(Mode.TERMINAL, sys.stderr, options) as renderer:
        renderer(started("edge/armv7/executable"))
        renderer(started("edge/arm64/executable"))
        time.sleep(60)
except KeyboardInterrupt:
    print("interrupted", file=sys.stderr)
    sys.exit(130)
"""


@dataclass(slots=True, kw_only=True)
class Terminal:
    """The master's side of a pseudo-terminal with a Python program at its other end."""

    master: int
    process: subprocess.Popen[bytes]
    columns: int
    output: bytearray = field(default_factory=bytearray)

    def read_until(self, is_enough: Callable[[str], bool]) -> str:
        end_s = time.monotonic() + _TIMEOUT_S
        while not is_enough(self.text):
            assert time.monotonic() < end_s, f"waited in vain; shown until now: {self.text!r}"
            if select.select([self.master], [], [], 0.1)[0] and not self._read():
                break
        return self.text

    def read_all(self) -> str:
        self.read_until(lambda _: False)
        assert self.process.wait(_TIMEOUT_S) is not None
        return self.text

    @property
    def text(self) -> str:
        return self.output.decode(errors="replace")

    def screen(self) -> Screen:
        screen = Screen(self.columns)
        screen.feed(self.text)
        return screen

    def _read(self) -> bool:
        try:
            data = os.read(self.master, 65536)
        except OSError:
            # EIO: the other side has been closed.
            return False
        self.output += data
        return bool(data)


@contextmanager
def _terminal(program: str, columns: int = 100, rows: int = 24, **environment: str) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", _PLAY + program],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "TERM": "xterm", "PYTHONIOENCODING": "utf-8", **environment},
        start_new_session=True,
        # Makes the terminal the one that Ctrl-C speaks to.
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - no other threads here
    )
    os.close(slave)
    try:
        yield Terminal(master=master, process=process, columns=columns)
    finally:
        process.kill()
        process.wait()
        os.close(master)


def test_finished_build_leaves_its_lines_and_nothing_else() -> None:
    with _terminal(_STORY, columns=400) as terminal:
        terminal.read_all()
        screen = terminal.screen()
    assert screen.cursor_is_visible
    assert screen.column == 0
    assert screen.lines == [
        "57 steps: 50 cached, 7 to run, at least 7 min of work",
        "✓ toolchain/go  44 s, peak 180.0 MiB, 70.0 MiB downloaded",
        "✓ edge/modules  1 min 4 s, 90.0 MiB downloaded",
        "✗ edge/arm64/executable failed after 1 min 12 s: go failed with exit status 1",
        "    # example.org/kedge/cmd/kedge",
        "    cmd/kedge/main.go:14:2: undefined: serve",
        "  to run it again by hand:",
        COMMAND,
        "  log: /home/me/.cache/builder/logs/edge_arm64_executable.log",
        "  hint: fix the source, then run the same command again",
        "- edge/arm64/manifest  skipped: edge/arm64/executable failed",
        "warning: the file system of the cache has 1.9 GiB left",
        "  builder cache gc frees some",
        "✓ edge/armv7/executable  made by another builder",
        "✓ edge/armv7/manifest  0.0 s, peak 3.0 GiB",
        "✗ build failed after 3 min 11 s: 4 built, 51 cached, 1 failed, 1 skipped, 160.0 MiB downloaded",
        "  failed: edge/arm64/executable, log: /home/me/.cache/builder/logs/edge_arm64_executable.log",
        "  out/edge/armv7/kedge       198.0 MiB  0123456789ab",
        "  out/edge/armv7/SHA256SUMS      171 B  ffffffffffff  unchanged",
        "result on stdout",
    ]


def test_running_steps_are_shown_below_what_is_done() -> None:
    with _terminal(_STORY) as terminal:
        text = terminal.read_all()
    shown = ["\n".join(screen.lines) for screen in screens(text, 100)]
    (moment,) = {one for one in shown if "120/298 modules, 34.0 MiB downloaded" in one and "✓ edge/modules" not in one}
    assert re.fullmatch(
        "57 steps: 50 cached, .*\n"
        "✓ toolchain/go  44 s.*\n"
        r"[⠋-⠿] edge/modules  120/298 modules, 34\.0 MiB downloaded +0:31\n"
        r"━+─* +51/57 steps · 50 cached · 104\.0 MiB downloaded · 1:15 · at least 7 min left",
        moment,
    )
    assert any("… edge/armv7/executable  another builder makes it" in one for one in shown)


@pytest.mark.parametrize("columns", [20, 40, 80])
def test_narrow_terminals_are_left_clean(columns: int) -> None:
    with _terminal(_STORY, columns=columns, rows=10) as terminal:
        text = terminal.read_all()
        screen = terminal.screen()
    joined = "".join(line.ljust(columns) for line in screen.lines)
    assert COMMAND in joined
    assert f"\n{COMMAND}\r\n" in text, "the terminal wraps it, not we: so it is copied as one line"
    assert not re.search("[⠋-⠿━─]", joined), "nothing of the changing part is left"
    assert screen.cursor_is_visible


def test_no_color_and_ascii() -> None:
    with _terminal(_STORY, NO_COLOR="1", PYTHONIOENCODING="ascii") as terminal:
        text = terminal.read_all()
        styles = terminal.screen().styles
    assert text.isascii()
    assert "x edge/arm64/executable failed" in text
    assert styles <= {"", "0", "1", "2"}, "bold and faint are no colours"


def test_colours_are_those_of_the_terminal() -> None:
    with _terminal(_STORY) as terminal:
        terminal.read_all()
        assert {"32", "31"} <= terminal.screen().styles


@pytest.mark.parametrize("interrupts", [1, 3])
def test_interrupt_leaves_the_terminal_clean(interrupts: int) -> None:
    with _terminal(_ENDLESS) as terminal:
        terminal.read_until(lambda text: "edge/arm64/executable" in text)
        for _ in range(interrupts):
            os.write(terminal.master, b"\x03")
        terminal.read_all()
        screen = terminal.screen()
        status = terminal.process.returncode
    assert screen.cursor_is_visible
    if interrupts == 1:
        assert status == 130
        assert screen.lines == ["interrupted"]
    else:
        assert status in {1, 130, -signal.SIGINT}


def test_a_terminal_without_a_size_is_taken_for_an_ordinary_one() -> None:
    with _terminal(_STORY, columns=0, rows=0) as terminal:
        text = terminal.read_all()
    assert "✗ build failed" in text
    assert "━" * 10 in text, "a bar is only drawn where there is room"

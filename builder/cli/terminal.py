"""A person's terminal as the terminal of a machine."""

import os
import select
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from builder.io.cancel import CancelToken

# Ctrl-A, as QEMU and screen have it.
_ATTENTION = b"\x01"
_LEAVE, _AGAIN = b"x", b"a"
_CHUNK_BYTES = 4096
LOOK_S = 0.2


@dataclass(slots=True)
class Keys:
    """Tells what was typed for the machine from what was typed for the builder: Ctrl-A x leaves, Ctrl-A a is Ctrl-A."""

    _attention: bool = False

    def feed(self, typed: bytes) -> tuple[bytes, bool]:
        """What the machine gets of `typed`, and whether the person leaves."""
        passed = b""
        for key in (typed[index : index + 1] for index in range(len(typed))):
            if not self._attention:
                self._attention = key == _ATTENTION
                passed += b"" if self._attention else key
                continue
            self._attention = False
            if key == _LEAVE:
                return passed, True
            passed += _ATTENTION if key in (_AGAIN, _ATTENTION) else _ATTENTION + key
        return passed, False


def show_until(cancel: CancelToken) -> Callable[[bytes], None]:
    """A function that writes what a machine says, as it is; where nobody reads it any more, `cancel` is set."""

    def show(data: bytes) -> None:
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            cancel.set("nobody reads what the machine says")

    return show


def has_terminal() -> bool:
    """Whether a person can type."""
    return sys.stdin.isatty() and sys.stdout.isatty()


@contextmanager
def raw_terminal() -> Iterator[None]:
    """Keys arrive one by one and as they are while the block runs."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def pass_keys(send: Callable[[bytes], None], is_over: Callable[[float], bool]) -> None:
    """Send what is typed until the person leaves or `is_over`, which is given seconds to wait, says so."""
    keys = Keys()
    with raw_terminal():
        while not is_over(0.0):
            ready, _, _ = select.select([sys.stdin], [], [], LOOK_S)
            if not ready:
                continue
            typed = os.read(sys.stdin.fileno(), _CHUNK_BYTES)
            passed, leaves = keys.feed(typed)
            if passed:
                send(passed)
            if leaves or not typed:
                return

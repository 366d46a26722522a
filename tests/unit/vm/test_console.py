"""Waiting for words on a line whose other end is the test."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from builder.core.errors import InterruptedBuildError
from builder.io.cancel import CancelToken
from builder.vm.console import Console, ConsoleError, plain_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """`guest` is the machine's end."""

    console: Console
    guest: socket.socket
    cancel: CancelToken


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    guest, ours = socket.socketpair()
    cancel = CancelToken()
    console = Console(ours, tmp_path / "log", cancel, lambda _: None)
    with guest:
        yield Line(console=console, guest=guest, cancel=cancel)
    console.close()


def test_what_was_seen_is_not_seen_again(line: Line) -> None:
    line.guest.sendall(b"login: root\r\nlogin: ")
    assert line.console.expect("login: (root)", 10)[1] == "root"
    line.console.expect("login: $", 10)
    with pytest.raises(ConsoleError):
        line.console.expect("login", 0.1)


def test_words_in_pieces_and_between_control_sequences(line: Line) -> None:
    for piece in (b"\x1b[2J\x1b[01;01HPress \x1b[1m", b"F", b"2\x1b", b"[0m now\r", b"\n"):
        line.guest.sendall(piece)
    line.console.expect("^Press F2 now\n", 10)


def test_more_than_is_kept(line: Line) -> None:
    for _ in range(100):
        line.guest.sendall(b"x" * 65535 + b"\n")
    line.guest.sendall(b"end")
    line.console.expect("x\nend", 10)
    assert line.console.transcript.stat().st_size == 100 * 65536 + 3


def test_a_transcript_has_an_end_however_much_is_said(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builder.vm.console._TRANSCRIPT_BYTES", 1000)
    other, ours = socket.socketpair()
    console = Console(ours, line.console.transcript.with_name("full"), line.cancel, lambda _: None)
    with other:
        for _ in range(30):
            other.sendall(b"x" * 100)
        other.sendall(b"still heard")
        console.expect("still heard", 10)
    console.close()
    assert console.transcript.read_bytes() == b"x" * 1000 + b"\n(the transcript ends here: it is full)\n"


def test_the_end_of_the_line_is_told_with_what_was_said(line: Line) -> None:
    line.guest.sendall(b"one\r\n\r\ntwo\r\n")
    line.guest.shutdown(socket.SHUT_RDWR)
    with pytest.raises(ConsoleError, match="the machine ended before it said: three") as caught:
        line.console.expect("three", 10)
    assert caught.value.details == ("one", "two", f"all of it: {line.console.transcript}")


def test_nothing_more_was_said(line: Line) -> None:
    line.guest.sendall(b"one\n")
    line.console.expect("one\n", 10)
    with pytest.raises(ConsoleError) as caught:
        line.console.expect("two", 0.1)
    assert caught.value.details[:2] == ("(nothing more was said)", "one")


def test_waiting_ends_when_the_user_ends_it(line: Line) -> None:
    line.cancel.set()
    with pytest.raises(InterruptedBuildError):
        line.console.expect("x", 10)


def test_typing(line: Line) -> None:
    line.console.send_line("root")
    assert line.guest.recv(100) == b"root\r"
    line.guest.close()
    line.console.join()
    line.console.send("more")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"a\r\nb", "a\nb"),
        (b"\x1b[2;3Hx\x1b[0;37;40my", "xy"),
        (b"\x1b]0;title\x07x\x1b]8;;\x1b\\y", "xy"),
        (b"\x1b(B\x1b=\x1b7x", "x"),
        (b"\xff\x00x", "\ufffdx"),
    ],
)
def test_plain_text(data: bytes, text: str) -> None:
    assert plain_text(data) == text

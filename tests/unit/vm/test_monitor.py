"""The monitor's messages, with a peer that says what QEMU might; the real one is in tests/integration/vm."""

import json
import socket
import threading
from collections.abc import Iterator

import pytest

from builder.vm.monitor import Monitor, MonitorError

GREETING: dict[str, object] = {"QMP": {"version": {}, "capabilities": []}}
EVENT = {"event": "RESET", "data": {"guest": True}, "timestamp": {}}


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, peer = socket.socketpair()
    with ours, peer:
        yield ours, peer


def say(peer: socket.socket, *messages: object) -> None:
    peer.sendall(b"".join(json.dumps(message).encode() + b"\r\n" for message in messages))


def test_answers_and_events(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, peer = pair
    say(peer, GREETING, {"return": {}}, {"event": "STOP"}, EVENT, {"return": [1]})
    monitor = Monitor(ours)
    assert monitor.execute("query-x", {"a": 1}) == [1]
    assert monitor.wait_for("RESET", 10).data == {"guest": True}
    requests = [json.loads(line) for line in peer.recv(4096).splitlines()]
    assert requests == [{"execute": "qmp_capabilities"}, {"execute": "query-x", "arguments": {"a": 1}}]
    say(peer, EVENT)
    assert monitor.wait_for("RESET", 10).name == "RESET"
    with pytest.raises(MonitorError, match=r"QEMU told of no RESET within 0\.1 s"):
        monitor.wait_for("RESET", 0.1)


def test_a_refusal(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, peer = pair
    say(peer, GREETING, {"return": {}}, {"error": {"class": "GenericError", "desc": "no such device"}})
    with pytest.raises(MonitorError, match="QEMU refuses eject: no such device"):
        Monitor(ours).execute("eject")


def test_messages_in_pieces(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, peer = pair
    text = json.dumps(GREETING).encode() + b'\n{"return": {}}\n'

    def slowly() -> None:
        for byte in text:
            peer.sendall(bytes([byte]))

    thread = threading.Thread(target=slowly)
    thread.start()
    Monitor(ours)
    thread.join()


def test_an_end_of_the_conversation(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, peer = pair
    say(peer, GREETING, {"return": {}})
    monitor = Monitor(ours)
    peer.close()
    with pytest.raises(MonitorError, match="QEMU is gone"):
        monitor.execute("stop")
    with pytest.raises(MonitorError, match="QEMU is gone"):
        monitor.wait_for("STOP", 10)


@pytest.mark.parametrize("message", [["QMP"], {"hello": 1}])
def test_somebody_else_answers(message: object, pair: tuple[socket.socket, socket.socket]) -> None:
    ours, peer = pair
    say(peer, message)
    with pytest.raises(MonitorError):
        Monitor(ours)

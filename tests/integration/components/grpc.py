"""One unary gRPC call over a Unix socket, written out, so that the tests need no gRPC library.

A gRPC call is an HTTP/2 stream: headers, one length-prefixed message each way, trailers. What the peer sends in headers
is not decoded: a message that arrives is the proof that the call succeeded, a failed call has none.
"""

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

TIMEOUT_S = 10
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"  # RFC 9113, 3.4
FRAME_HEADER_BYTES = 9
MESSAGE_HEADER_BYTES = 5  # compressed flag, length
STREAM = 1  # the client's first
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0x0, 0x1, 0x3, 0x4, 0x6, 0x7
END_STREAM, END_HEADERS, ACK = 0x1, 0x4, 0x1
SHORT = 127  # HPACK string lengths below this fit into one byte

Frame = tuple[int, int, bytes]


class CallError(Exception):
    """The call was refused or answered without a message."""


def call(path: Path, method: str, request: bytes = b"") -> bytes:
    """Call `/package.Service/Method` on the server behind the socket and return its reply message."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(TIMEOUT_S)
        connection.connect(str(path))
        connection.sendall(PREFACE + _frame(SETTINGS, 0, 0, b"") + _request(method, request))
        body = b"".join(_body(connection))
    if len(body) < MESSAGE_HEADER_BYTES:
        message = f"{method} was answered without a message"
        raise CallError(message)
    return body[MESSAGE_HEADER_BYTES:]


def string_field(message: bytes, number: int) -> str:
    """A string of a protobuf message whose fields are all short strings; empty when the field is absent."""
    while message:
        key, length = message[0], message[1]
        value, message = message[2 : 2 + length], message[2 + length :]
        if key == number << 3 | 2:
            return value.decode()
    return ""


def _request(method: str, message: bytes) -> bytes:
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": method,
        ":authority": "localhost",
        "content-type": "application/grpc",
        "te": "trailers",
    }
    block = b"".join(b"\x00" + _hpack_string(name) + _hpack_string(value) for name, value in fields.items())
    body = struct.pack(">BI", 0, len(message)) + message
    return _frame(HEADERS, END_HEADERS, STREAM, block) + _frame(DATA, END_STREAM, STREAM, body)


def _hpack_string(text: str) -> bytes:
    """A string without compression, RFC 7541, 5.2."""
    if len(text) >= SHORT:
        message = f"{text!r} is too long for this client"
        raise ValueError(message)
    return bytes([len(text)]) + text.encode("ascii")


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _body(connection: socket.socket) -> Iterator[bytes]:
    """The payload of the stream's DATA frames, until the server ends the stream."""
    while True:
        kind, flags, payload = _receive_frame(connection)
        if kind in (SETTINGS, PING) and not flags & ACK:
            connection.sendall(_frame(kind, ACK, 0, payload if kind == PING else b""))
        elif kind in (RST_STREAM, GOAWAY):
            message = f"the server gave up: frame type {kind}, {payload!r}"
            raise CallError(message)
        elif kind == DATA:
            yield payload
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            return


def _receive_frame(connection: socket.socket) -> Frame:
    header = _receive(connection, FRAME_HEADER_BYTES)
    length = int.from_bytes(header[:3], "big")
    return header[3], header[4], _receive(connection, length)


def _receive(connection: socket.socket, size_bytes: int) -> bytes:
    received = b""
    while len(received) < size_bytes:
        piece = connection.recv(size_bytes - len(received))
        if not piece:
            message = "the server closed the connection"
            raise CallError(message)
        received += piece
    return received

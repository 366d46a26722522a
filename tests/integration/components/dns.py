"""One DNS query for an IPv4 address, RFC 1035, written out, so that the tests need no DNS library."""

import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

from tests.integration.components.ports import LOOPBACK

TIMEOUT_S = 5
LARGEST_ANSWER_BYTES = 512
IDENTITY = 0x6B65
RECURSION_DESIRED = 0x0100
TYPE_A, CLASS_IN = 1, 1
POINTER = 0xC0
RESPONSE_CODE_MASK = 0x000F


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`code` as in RFC 1035, 4.1.1: 0 no error, 3 no such name, 5 refused."""

    code: int
    addresses: tuple[IPv4Address, ...]


def ask(port: int, name: str) -> Answer | None:
    """The answer of the server on loopback; None when there is none."""
    header = struct.pack(">6H", IDENTITY, RECURSION_DESIRED, 1, 0, 0, 0)
    question = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split("."))
    question += b"\0" + struct.pack(">2H", TYPE_A, CLASS_IN)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(TIMEOUT_S)
        client.connect((LOOPBACK, port))
        try:
            client.send(header + question)
            message = client.recv(LARGEST_ANSWER_BYTES)
        except (ConnectionRefusedError, TimeoutError):
            return None
    _, flags, _, count, _, _ = struct.unpack_from(">6H", message)
    return Answer(code=flags & RESPONSE_CODE_MASK, addresses=_addresses(message, len(header + question), count))


def _addresses(message: bytes, offset: int, count: int) -> tuple[IPv4Address, ...]:
    found = []
    for _ in range(count):
        offset = _after_name(message, offset)
        kind, _, _, length = struct.unpack_from(">HHIH", message, offset)
        offset += 10
        if kind == TYPE_A:
            found.append(IPv4Address(message[offset : offset + length]))
        offset += length
    return tuple(found)


def _after_name(message: bytes, offset: int) -> int:
    while message[offset]:
        if message[offset] & POINTER == POINTER:
            return offset + 2
        offset += 1 + message[offset]
    return offset + 1

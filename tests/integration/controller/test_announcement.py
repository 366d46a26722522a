"""What the local network is told of a cluster: by DNS-SD, on request alone, and no name of anybody."""

import hashlib
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.integration.components.process import wait_for
from tests.integration.controller.controller import place, running_controller

# RFC 6762.
GROUP, PORT = "224.0.0.251", 5353
SERVICE = b"\x06_kedge\x04_tcp\x05local\x00"


@contextmanager
def listening() -> Iterator[socket.socket]:
    """A member of the group; skips where there is no network that could carry it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as member:
        member.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        member.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            member.bind(("", PORT))
            member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP) + bytes(4))
        except OSError as error:
            pytest.skip(f"multicast is not to be had here: {error}")
        member.setblocking(False)
        yield member


def heard(member: socket.socket) -> bytes:
    """All that was said since the last time, one after the other."""
    said = b""
    while True:
        try:
            said += member.recv(1 << 16)
        except BlockingIOError:
            return said


def datagram_sockets(pid: int) -> set[str]:
    """The UDP sockets of a process, as the kernel numbers them."""
    lines = [line for table in ("udp", "udp6") for line in Path("/proc/net", table).read_text().splitlines()[1:]]
    links = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}
    return {inode for line in lines if f"socket:[{(inode := line.split()[9])}]" in links}


def test_api_is_announced_under_its_authoritys_hash(kedge: Path, tmp_path: Path) -> None:
    where = place(kedge, tmp_path)
    config = json.loads(where.config.read_text())
    config["spec"]["api"]["announce"] = True
    where.config.write_text(json.dumps(config))
    with listening() as member, running_controller(where) as controller:
        authority = x509.load_pem_x509_certificate((where.data / "pki" / "ca.crt").read_bytes())
        key = authority.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        said: list[bytes] = []

        def announced() -> bool:
            said.append(heard(member))
            return f"ca=sha256:{hashlib.sha256(key).hexdigest()}".encode() in b"".join(said)

        wait_for(controller.daemon, announced, what="announced")
        assert SERVICE in b"".join(said)
        assert datagram_sockets(controller.daemon.process.pid) != set()
        assert socket.gethostname().encode() not in b"".join(said)


def test_nothing_is_announced_unasked(kedge: Path, tmp_path: Path) -> None:
    where = place(kedge, tmp_path)
    with running_controller(where) as controller:
        assert datagram_sockets(controller.daemon.process.pid) == set()

"""A TLS connection between two threads of the test."""

import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from builder.debian.eager_socket import EagerSocket

RECORD_BYTES = 16 << 10


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Both ends of a connection."""

    client: ssl.SSLSocket
    server: ssl.SSLSocket


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key and its own certificate for `localhost`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def pair(certificate: Path) -> Iterator[Pair]:
    ours = ssl.create_default_context(cafile=certificate)
    ours.sslsocket_class = EagerSocket
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(certificate)
    one, other = socket.socketpair()
    one.settimeout(30)
    with ThreadPoolExecutor(max_workers=1) as pool:
        server = pool.submit(theirs.wrap_socket, other, server_side=True)
        client = ours.wrap_socket(one, server_hostname="localhost")
    with client, server.result() as accepted:
        yield Pair(client=client, server=accepted)


def test_all_records_that_are_there_come_at_once(pair: Pair) -> None:
    data = bytes(range(256)) * (3 * RECORD_BYTES // 256)
    pair.server.sendall(data)
    assert pair.client.recv(64 << 10) == data
    assert pair.client.gettimeout() == 30


def test_no_more_than_was_asked_for(pair: Pair) -> None:
    pair.server.sendall(b"x" * RECORD_BYTES + b"y" * RECORD_BYTES)
    assert pair.client.recv(RECORD_BYTES + 10) == b"x" * RECORD_BYTES + b"y" * 10
    assert pair.client.recv(1 << 20) == b"y" * (RECORD_BYTES - 10)


def test_nobody_waits_for_more(pair: Pair) -> None:
    pair.server.sendall(b"all there is")
    assert pair.client.recv(64 << 10) == b"all there is"
    pair.client.settimeout(0.05)
    with pytest.raises(TimeoutError):
        pair.client.recv(64 << 10)
    assert pair.client.gettimeout() == 0.05


def test_the_end_comes_after_everything_before_it(pair: Pair) -> None:
    pair.server.sendall(b"the last words")
    pair.server.shutdown(socket.SHUT_RDWR)
    assert pair.client.recv(64 << 10) == b"the last words"
    assert pair.client.recv(64 << 10) == b""


def test_a_broken_connection_is_told_after_what_arrived(pair: Pair) -> None:
    pair.server.sendall(b"the last words")
    socket.socket(fileno=pair.server.detach()).close()
    assert pair.client.recv(64 << 10) == b"the last words"
    assert pair.client.recv(64 << 10) == b""

"""Requests that nobody wants, at both ports that are open to others."""

import http.client
import socket
import ssl
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.integration.components.pki import Authority
from tests.integration.components.ports import LOOPBACK
from tests.integration.controller.controller import Controller

UNAUTHORIZED, TOO_LARGE, HEADERS_TOO_LARGE = 401, 413, 431
# The API server takes 3 MiB.
BODY = b"x" * (4 << 20)
CONNECTIONS = 200
PATIENCE_S = 90


def trusting(controller: Controller) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=controller.place.data / "pki" / "ca.crt")


def as_administrator(controller: Controller) -> ssl.SSLContext:
    context = trusting(controller)
    pki = controller.place.data / "pki"
    context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    return context


def post(controller: Controller, context: ssl.SSLContext, body: bytes, headers: dict[str, str]) -> int:
    connection = http.client.HTTPSConnection(LOOPBACK, controller.place.api_port, context=context, timeout=30)
    with suppress(BrokenPipeError, ConnectionResetError):  # it answers before it has read all
        connection.request("POST", "/api/v1/namespaces/default/configmaps", body=body, headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


def serves(controller: Controller) -> bool:
    return controller.kubectl("get", "--raw", "/readyz").stdout == "ok"


def test_too_large_a_body(controller: Controller) -> None:
    headers = {"Content-Type": "application/json"}
    assert post(controller, as_administrator(controller), BODY, headers) == TOO_LARGE
    assert serves(controller)


def test_stranger_with_a_body(controller: Controller) -> None:
    assert post(controller, trusting(controller), b"{}", {"Content-Type": "application/json"}) == UNAUTHORIZED


def test_too_large_a_header(controller: Controller) -> None:
    headers = {"X-Large": "x" * (2 << 20)}
    assert post(controller, trusting(controller), b"{}", headers) == HEADERS_TOO_LARGE
    assert serves(controller)


@pytest.mark.parametrize("text", ["{", '{"apiVersion": "v1"', "[" * 20_000, '{"a": "\\ud800"}', "null"])
def test_broken_objects(controller: Controller, text: str) -> None:
    status = post(controller, as_administrator(controller), text.encode(), {"Content-Type": "application/json"})
    assert status // 100 == 4
    assert serves(controller)


@pytest.mark.parametrize("port", ["api_port", "agent_port"])
def test_many_who_say_nothing(controller: Controller, port: str) -> None:
    with ExitStack() as stack:
        for _ in range(CONNECTIONS):
            number = getattr(controller.place, port)
            stack.enter_context(socket.create_connection((LOOPBACK, number), timeout=PATIENCE_S))
        assert serves(controller)
        controller.applied("get", "namespaces")
    controller.wait_until_ready()


def test_slow_header_is_not_waited_for(controller: Controller) -> None:
    with (
        socket.create_connection((LOOPBACK, controller.place.api_port), timeout=PATIENCE_S) as plain,
        trusting(controller).wrap_socket(plain, server_hostname=LOOPBACK) as secured,
    ):
        secured.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        assert secured.recv(1 << 16) == b""  # the end, and no answer


@pytest.mark.parametrize("port", ["api_port", "agent_port"])
def test_rubbish_instead_of_tls(controller: Controller, port: str) -> None:
    with socket.create_connection((LOOPBACK, getattr(controller.place, port)), timeout=PATIENCE_S) as connection:
        with suppress(ConnectionError):
            connection.sendall(b"\x16\x03\x01" + BODY)
        with suppress(ConnectionError):
            while connection.recv(1 << 16):
                pass
    controller.wait_until_ready()
    assert serves(controller)


def test_tunnel_takes_no_stranger(controller: Controller, tmp_path: Path) -> None:
    stranger = Authority(tmp_path).issue("system:node:edge-1", "system:nodes")
    foreign = trusting(controller)
    foreign.load_cert_chain(stranger.certificate, stranger.key)
    for context in (trusting(controller), foreign, as_administrator(controller)):
        assert _is_refused(controller, context)
    controller.wait_until_ready()


def _is_refused(controller: Controller, context: ssl.SSLContext) -> bool:
    """Whether the tunnel's server ends the connection; under TLS 1.3 that is seen at the first reading."""
    context.set_alpn_protocols(["h2"])
    try:
        with (
            socket.create_connection((LOOPBACK, controller.place.agent_port), timeout=PATIENCE_S) as plain,
            context.wrap_socket(plain, server_hostname=LOOPBACK) as secured,
        ):
            secured.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
            return secured.recv(1) == b""
    except (ssl.SSLError, ConnectionError):
        return True

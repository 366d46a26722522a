"""HTTP as this machine's user has set it up: proxies and certificates out of an environment that is handed in."""

import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import httpx

from builder.core.errors import BuilderError
from builder.debian.eager_socket import EagerSocket
from builder.debian.kept import KeptFiles
from builder.debian.kept_transport import KeptTransport

_MOST_REDIRECTS = 10


def open_client(
    environment: Mapping[str, str],
    *,
    stall_s: float,
    kept: KeptFiles | None = None,
    authorities: Callable[[str], Sequence[Path]] = lambda _: (),
) -> httpx.Client:
    """A client that follows redirects and gives up on a transfer without a byte for `stall_s`; threads may share it; close it.

    Of `environment` count http_proxy, https_proxy, all_proxy and no_proxy, in capitals too, SSL_CERT_FILE and SSL_CERT_DIR.
    Content arrives as it is stored: no encoding is asked for. With `kept` there is no network: it answers. `authorities` gives
    for the name of a server, with its port, files with certificates that sign for that server too.
    """
    return httpx.Client(
        transport=KeptTransport(kept) if kept else _Routes(environment, authorities),
        timeout=httpx.Timeout(stall_s),
        headers={"Accept-Encoding": "identity", "User-Agent": "builder"},
        follow_redirects=True,
        max_redirects=_MOST_REDIRECTS,
        trust_env=False,
    )


class _Routes(httpx.BaseTransport):
    """Sends each request, redirected ones too, through the proxy that is meant for its address."""

    def __init__(self, environment: Mapping[str, str], authorities: Callable[[str], Sequence[Path]]) -> None:
        self._environment = environment
        self._authorities = authorities
        self._lock = threading.Lock()
        self._transports: dict[tuple[str, tuple[Path, ...]], httpx.HTTPTransport] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        variable, proxy = self._proxy(request.url)
        route = proxy, tuple(self._authorities(request.url.netloc.decode()))
        with self._lock:
            if route not in self._transports:
                self._transports[route] = self._connect(variable, *route)
        return self._transports[route].handle_request(request)

    def close(self) -> None:
        for transport in self._transports.values():
            transport.close()

    def _proxy(self, url: httpx.URL) -> tuple[str, str]:
        """The variable that names the proxy for `url`, and the proxy; both empty where there is none."""
        without = self._variable("no_proxy")[1]
        names = [name.strip().lstrip("*.") for name in without.split(",")] if without != "*" else [url.host]
        if any(name and f".{url.host}".endswith(f".{name}") for name in names):
            return "", ""
        variable, proxy = self._variable(f"{url.scheme}_proxy")
        return (variable, proxy) if proxy else self._variable("all_proxy")

    def _variable(self, name: str) -> tuple[str, str]:
        for one in (name, name.upper()):
            if value := self._environment.get(one, "").strip():
                return one, value
        return "", ""

    def _connect(self, variable: str, proxy: str, authorities: Sequence[Path]) -> httpx.HTTPTransport:
        certificates = self._certificates()
        for file in authorities:
            try:
                certificates.load_verify_locations(file)
            except OSError as error:  # ssl.SSLError is one
                raise BuilderError(f"{file}: the certificates cannot be read: {error}") from None
        if not proxy:
            return httpx.HTTPTransport(verify=certificates)
        address = proxy if "://" in proxy else f"http://{proxy}"
        try:
            return httpx.HTTPTransport(verify=certificates, proxy=address)
        except (ValueError, ImportError, httpx.InvalidURL):
            raise BuilderError(
                f"the proxy that ${variable} names cannot be used", hint="its address looks like http://HOST:PORT"
            ) from None

    def _certificates(self) -> ssl.SSLContext:
        file, directory = self._environment.get("SSL_CERT_FILE") or None, self._environment.get("SSL_CERT_DIR") or None
        try:
            context = ssl.create_default_context(cafile=file, capath=directory)
        except OSError as error:
            raise BuilderError(f"the certificates that $SSL_CERT_FILE names cannot be read: {error}") from None
        context.sslsocket_class = EagerSocket
        return context

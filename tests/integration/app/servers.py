"""Registries on this machine: one that serves a directory, one that refuses, one that accepts and says nothing."""

import base64
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

from tests.integration.components.pki import KeyPair


@dataclass(kw_only=True)
class Registry:
    """What a server does. `root` is the directory it serves; `status` what it refuses everything with.

    `hangs` is how many requests get no answer (all when negative) until `released` is set; `login` is the
    `user:password` that it asks for and that `url` holds; `keys` makes it speak TLS. `asked` lists the paths of all requests.
    """

    root: Path | None = None
    status: HTTPStatus = HTTPStatus.NOT_FOUND
    hangs: int = 0
    login: str = ""
    keys: KeyPair | None = None
    asked: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def url(self) -> str:
        credentials = f"{self.login}@" if self.login else ""
        return f"{'https' if self.keys else 'http'}://{credentials}127.0.0.1:{self.port}"

    def answer(self, path: str, authorization: str) -> tuple[HTTPStatus, bytes]:
        """Status and body for the request of `path`; may take for ever."""
        self.asked.append(path)
        if self.hangs:
            self.hangs -= 1
            self.released.wait()
        expected = f"Basic {base64.b64encode(self.login.encode()).decode()}"
        if self.login and authorization != expected:
            return HTTPStatus.UNAUTHORIZED, b"who are you?"
        file = self.root / unquote(path).strip("/") if self.root else None
        if file is None:
            return self.status, b"no: " + self.status.phrase.encode()
        if file.is_dir():
            file /= "index.html"
        return (HTTPStatus.OK, file.read_bytes()) if file.exists() else (HTTPStatus.NOT_FOUND, b"not here")


@contextmanager
def serving(registry: Registry) -> Iterator[Registry]:
    """`registry` answers at `registry.url` while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = registry.answer(self.path, self.headers.get("Authorization", ""))
            try:
                self.send_response(status)
                if status is HTTPStatus.UNAUTHORIZED:
                    self.send_header("WWW-Authenticate", 'Basic realm="test"')
                self.send_header("Content-Type", "text/html" if self.path.endswith("/") else "text/plain")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                return  # the client has gone

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        if registry.keys:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(registry.keys.certificate, registry.keys.key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        registry.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield registry
        finally:
            registry.released.set()
            server.shutdown()
            thread.join()

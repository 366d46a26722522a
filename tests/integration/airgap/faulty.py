"""A registry that misbehaves as told: what a real one does only on its bad days."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeAlias

from tests.integration.components.pki import Authority
from tests.integration.components.ports import LOOPBACK

_PIECE_BYTES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for."""

    path: str
    range: str
    authorization: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is answered. `cut_after` bytes of the content the connection ends, or hangs until the server stops."""

    status: int = 200
    content: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    hangs: bool = False


Behaviour: TypeAlias = Callable[[Request], Answer | None]


@dataclass(kw_only=True)
class Faulty:
    """A running server: `files` by path are what it has; each of `behaviours` may answer instead."""

    host: str
    authority: Path
    files: dict[str, bytes] = field(default_factory=dict)
    behaviours: list[Behaviour] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        for behaviour in self.behaviours:
            if (answer := behaviour(request)) is not None:
                return answer
        content = self.files.get(request.path.partition("?")[0])
        if content is None:
            return Answer(status=404, content=b"{}")
        if request.range:
            start = int(request.range.removeprefix("bytes=").rstrip("-"))
            where = f"bytes {start}-{len(content) - 1}/{len(content)}"
            return Answer(status=206, content=content[start:], headers={"Content-Range": where})
        return Answer(content=content)

    def home(self, directory: Path) -> Path:
        """A home directory whose owner trusts the server."""
        place = directory / ".docker/certs.d" / self.host
        place.mkdir(parents=True)
        (place / "ca.crt").write_bytes(self.authority.read_bytes())
        return directory


def once(path: str, answer: Answer) -> Behaviour:
    """`answer` to the first request whose path contains `path`."""
    left = [answer]
    return lambda request: left.pop() if left and path in request.path else None


def always(path: str, answer: Answer) -> Behaviour:
    """`answer` to all requests whose path contains `path`."""
    return lambda request: answer if path in request.path else None


@contextmanager
def running_faulty(directory: Path) -> Iterator[Faulty]:
    """A server with TLS of an authority of its own."""
    directory.mkdir(parents=True, exist_ok=True)
    authority = Authority(directory)
    pair = authority.issue("faulty")
    server = ThreadingHTTPServer((LOOPBACK, 0), BaseHTTPRequestHandler)
    faulty = Faulty(host=f"{LOOPBACK}:{server.server_port}", authority=authority.certificate)
    server.RequestHandlerClass = _handler(faulty)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield faulty
    finally:
        faulty.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(faulty: Faulty) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            headers = self.headers
            self.rfile.read(int(headers.get("Content-Length", "0")))
            request = Request(
                path=self.path, range=headers.get("Range", ""), authorization=headers.get("Authorization", "")
            )
            answer = faulty.answer(request)
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.content)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.content[: answer.cut_after])
            if answer.hangs:
                faulty.stopping.wait()
            if answer.cut_after is not None:
                self.close_connection = True

        do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815 - the names of http.server

        def log_message(self, *_: object) -> None:
            """Nothing: what was asked for is in `requests`."""

    return Handler

"""A mirror on the loopback interface that can do everything that mirrors and proxies do wrong."""

import base64
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong with one request.

    Sends only `sent_bytes` of the content before it closes or, with `hangs`, falls silent; or `status`, with `location` for
    redirects; or `content` instead of the file's. `no_ranges` answers with the whole file whatever part was
    asked for, `wrong_part` with the part after it.
    """

    sent_bytes: int | None = None
    hangs: bool = False
    status: HTTPStatus | None = None
    location: str = ""
    content: bytes | None = None
    no_ranges: bool = False
    wrong_part: bool = False


@dataclass(kw_only=True)
class Server:
    """Serves `root`. `faults` maps a path to what goes wrong with its next requests, in turn.

    `asked` are path and range of all requests, `connections` how many were opened, `most_at_once` how many requests were
    answered at the same time. Before an answer the server waits for `gathers` requests to be there, but not for ever.
    """

    root: Path
    login: str = ""
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    port: int = 0
    connections: int = 0
    gathers: int = 0
    at_once: int = 0
    most_at_once: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    @contextmanager
    def answering(self) -> Iterator[None]:
        """One request more is being answered while the block runs."""
        with self.changed:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            self.changed.notify_all()
            self.changed.wait_for(lambda: self.most_at_once >= self.gathers, timeout=10)
        try:
            yield
        finally:
            with self.changed:
                self.at_once -= 1

    @property
    def url(self) -> str:
        return f"http://{self.login}{'@' if self.login else ''}127.0.0.1:{self.port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_HTTPServer"

    def setup(self) -> None:
        super().setup()
        with self.server.mirror.changed:
            self.server.mirror.connections += 1

    def do_GET(self) -> None:
        with self.server.mirror.answering():
            self._serve(self.server.mirror)

    def _serve(self, mirror: Server) -> None:
        path = unquote(urlsplit(self.path).path)  # a proxy is asked for a whole address
        wanted = self.headers.get("Range", "")
        mirror.asked.append((path, wanted))
        waiting = mirror.faults.get(path, [])
        fault = waiting.pop(0) if waiting else Fault()
        expected = f"Basic {base64.b64encode(mirror.login.encode()).decode()}"
        if mirror.login and expected not in (
            self.headers.get("Authorization"),
            self.headers.get("Proxy-Authorization"),
        ):
            fault = Fault(status=HTTPStatus.UNAUTHORIZED)
        if fault.status is not None:
            self._answer(fault.status, b"no", {"Location": fault.location} if fault.location else {})
            return
        file = mirror.root / path.strip("/")
        if not file.is_file():
            self._answer(HTTPStatus.NOT_FOUND, b"not here", {})
            return
        content = file.read_bytes() if fault.content is None else fault.content
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and not fault.no_ranges else 0
        if start and start >= len(content):
            self._answer(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, b"", {})
        elif start:
            start += fault.wrong_part
            span = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
            self._answer(HTTPStatus.PARTIAL_CONTENT, content[start:], span, fault)
        else:
            self._answer(HTTPStatus.OK, content, {}, fault)

    def _answer(self, status: HTTPStatus, body: bytes, headers: dict[str, str], fault: Fault | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut = fault.sent_bytes if fault else None
        self.wfile.write(body[:cut])
        self.wfile.flush()
        if fault and fault.hangs:
            self.server.mirror.released.wait()
        if cut is not None or (fault and fault.hangs):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


class _HTTPServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, mirror: Server) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mirror = mirror
        mirror.port = self.server_port

    def handle_error(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Say nothing of clients that leave in mid-answer: some tests make them do so."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving(mirror: Server) -> Iterator[Server]:
    """`mirror` answers at `mirror.url` while the block runs."""
    with _HTTPServer(mirror) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield mirror
        finally:
            mirror.released.set()
            server.shutdown()
            thread.join()

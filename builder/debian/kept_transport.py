"""An HTTP client's transport without a network: what it is asked for is kept in a directory, or cannot be had."""

from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from pathlib import Path

import httpx

from builder.core.errors import BuilderError
from builder.debian.kept import KeptFiles, kept_place
from builder.debian.mirrors import shown
from builder.io.files import CHUNK_BYTES


class KeptTransport(httpx.BaseTransport):
    """Answers out of `kept`; anything else is a `BuilderError`, and nothing is connected to."""

    def __init__(self, kept: KeptFiles) -> None:
        self._kept = kept

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.BaseTransport`."""
        url = str(request.url)
        file = self._kept.root / kept_place(url)
        if not file.is_file():
            raise BuilderError(
                f"{shown(url)} cannot be had without a network", details=[f"there is no {file}"], hint=self._kept.advice
            )
        return httpx.Response(HTTPStatus.OK, stream=_Content(file))


class _Content(httpx.SyncByteStream):
    def __init__(self, file: Path) -> None:
        self._file = file

    def __iter__(self) -> Iterator[bytes]:
        with self._file.open("rb") as stream:
            yield from iter(partial(stream.read, CHUNK_BYTES), b"")

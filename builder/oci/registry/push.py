"""Gives blobs and manifests to a registry (OCI distribution-spec 1.1, "Push"): what it has already is not sent."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import httpx

from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.io.files import CHUNK_BYTES
from builder.oci.documents import Blob
from builder.oci.reference import Reference
from builder.oci.registry.addresses import address_of

ATTEMPTS = 4
_PASSING = (HTTPStatus.UNAUTHORIZED, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
_SERVER_ERRORS = 500
_LONGEST_PAUSE_S = 120.0
_SHOWN = 300
_HINTS = {
    HTTPStatus.UNAUTHORIZED: "log in: docker login {host}; or name a credential helper in Docker's configuration",
    HTTPStatus.FORBIDDEN: "the registry knows you, and does not let you write there: ask who runs it",
    HTTPStatus.NOT_FOUND: "is the name right? Some registries want a repository made before anything is pushed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the registry, or a proxy before it, takes no file of this size: ask who runs it",
    HTTPStatus.TOO_MANY_REQUESTS: "the registry limits how often it is asked: try later",
    HTTPStatus.INSUFFICIENT_STORAGE: "the registry is full: ask who runs it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pusher:
    """Writes to the repository of `reference` through `client`; `auth` answers the registry when it asks who is there.

    `progress(bytes)` is told what was sent; `pause(seconds)` waits. Both may raise to end the work.
    """

    client: httpx.Client
    auth: httpx.Auth
    reference: Reference
    pause: Callable[[float], None] = time.sleep
    progress: Callable[[int], None] = lambda _: None

    def push_file(self, blob: Blob, source: Path) -> bool:
        """Give the registry `blob`, the content of `source`; whether it was sent. `BuilderError` where it cannot be."""
        return self._push(blob, lambda: _chunks(source))

    def push_bytes(self, blob: Blob, data: bytes) -> bool:
        """The same of `data`."""
        return self._push(blob, lambda: iter([data]))

    def push_manifest(self, manifest: Blob, data: bytes) -> None:
        """Give the registry a manifest whose blobs it has, under the tag or the digest of the reference."""
        name = self.reference.tag or manifest.digest
        address = address_of(self.reference, f"manifests/{name}")

        def send() -> None:
            headers = {"Content-Type": manifest.media_type}
            _require(self._request("PUT", address, content=data, headers=headers), HTTPStatus.CREATED)

        self._trying(f"the manifest {name}", send)

    def has_blob(self, digest: Digest) -> bool:
        """Whether the registry has the blob; `BuilderError` where it does not say."""
        found: list[bool] = []

        def ask() -> None:
            answer = self._request("HEAD", address_of(self.reference, f"blobs/{digest}"))
            if answer.status_code != HTTPStatus.NOT_FOUND:
                _require(answer, HTTPStatus.OK)
            found.append(answer.status_code == HTTPStatus.OK)

        self._trying(f"the blob {digest}", ask)
        return found[-1]

    def _push(self, blob: Blob, content: Callable[[], Iterator[bytes]]) -> bool:
        if self.has_blob(blob.digest):
            return False

        def send() -> None:
            opened = self._request("POST", address_of(self.reference, "blobs/uploads/"))
            _require(opened, HTTPStatus.ACCEPTED)
            where = self._upload_address(opened)
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(blob.size_bytes)}
            told = self._told(content())
            answer = self._request(
                "PUT", where.copy_merge_params({"digest": blob.digest}), content=told, headers=headers
            )
            _require(answer, HTTPStatus.CREATED)

        self._trying(f"the blob {blob.digest}", send)
        return True

    def _upload_address(self, opened: httpx.Response) -> httpx.URL:
        where = opened.url.join(opened.headers.get("Location", ""))
        if where.scheme != "https" or (where.host, where.port) != (opened.url.host, opened.url.port):
            raise BuilderError(
                f"the registry wants uploads to go to {where.scheme}://{where.host}; nothing was sent there"
            )
        return where

    def _request(
        self,
        method: str,
        address: str | httpx.URL,
        *,
        content: bytes | Iterator[bytes] | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        try:
            return self.client.request(
                method, address, content=content, headers=headers, auth=self.auth, follow_redirects=False
            )
        except (httpx.TransportError, httpx.StreamError) as error:
            raise _PassingError(str(error) or type(error).__name__) from None

    def _told(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            yield chunk
            self.progress(len(chunk))

    def _trying(self, what: str, work: Callable[[], None]) -> None:
        """Do `work`, again where it may go better; the last reason is told."""
        reason, status, after_s = "", None, 0.0
        for attempt in range(ATTEMPTS):
            if attempt:
                self.pause(max(2.0 ** (attempt - 1), after_s))
            try:
                work()
            except _PassingError as error:
                reason, status, after_s = str(error), error.status, error.after_s
            except _RefusedError as error:
                raise self._failure(what, str(error), error.status) from None
            else:
                return
        raise self._failure(what, f"{reason} ({ATTEMPTS} attempts)", status)

    def _failure(self, what: str, reason: str, status: int | None) -> BuilderError:
        hints = {int(code): text for code, text in _HINTS.items()}
        hint = hints.get(status or 0, "what arrived stays there: the next run sends only what is missing")
        return BuilderError(
            f"{self.reference} cannot be pushed",
            details=[f"{what}: {reason}"],
            hint=hint.format(host=self.reference.host),
        )


class _PassingError(Exception):
    """It may go better at the next attempt, `after_s` from now."""

    def __init__(self, reason: str, *, status: int | None = None, after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.status = status
        self.after_s = after_s


class _RefusedError(Exception):
    """The registry will not take it."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.status = status


def _require(answer: httpx.Response, expected: HTTPStatus) -> None:
    status = answer.status_code
    if status == expected:
        return
    said = " ".join(answer.text.split())[:_SHOWN]
    reason = f"the answer is {status} {answer.reason_phrase}{f': {said}' if said else ''}"
    full = status == HTTPStatus.INSUFFICIENT_STORAGE
    if (status >= _SERVER_ERRORS and not full) or status in _PASSING:
        wait = answer.headers.get("Retry-After", "")
        after_s = min(float(wait), _LONGEST_PAUSE_S) if wait.isdigit() else 0.0
        raise _PassingError(reason, status=status, after_s=after_s)
    raise _RefusedError(reason, status)


def _chunks(source: Path) -> Iterator[bytes]:
    with source.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk

"""Files from mirrors: resumed, retried, asked of the next mirror, and verified before they get their name."""

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import IO
from urllib.parse import quote, unquote, urlsplit

import httpx

from builder.core.digest import Digest
from builder.core.errors import BuilderError, VerificationError
from builder.debian.mirrors import MIRROR_VARIABLE, shown
from builder.debian.partials import partial_file
from builder.debian.pins import PinnedFile
from builder.io.files import CHUNK_BYTES, copy_file, sync_directory

_SERVER_ERRORS = 500
# Beside those: what may be otherwise a moment later.
_PASSING = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
_LONGEST_PAUSE_S = 120
_HINT = (
    f"the reasons stand above. Another mirror can be named in {MIRROR_VARIABLE}, a proxy in HTTPS_PROXY and HTTP_PROXY, "
    "further certificates in SSL_CERT_FILE"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a file must be: `size_bytes` long and of `digest`; without a digest at most `size_bytes`, and good for `check`.

    `check` gets the complete file and raises `BuilderError` where it is not good.
    """

    size_bytes: int
    digest: Digest | None = None
    check: Callable[[Path], object] = lambda _: None


class _PassingError(Exception):
    """It may go better at the next attempt, `after_s` from now; what arrived is kept."""

    def __init__(self, reason: str, after_s: float = 0) -> None:
        super().__init__(reason)
        self.after_s = after_s


class _RefusalError(Exception):
    """This address has nothing good: ask the next one. `cause` is what is wrong with the file that it has."""

    def __init__(self, reason: str, cause: BuilderError | None = None) -> None:
        super().__init__(reason)
        self.cause = cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloader:
    """Fetches through `client`: `attempts` at each address, with `pause(seconds)` between them, longer each time.

    `progress(bytes)` is told how much of a file has arrived, and may raise to end the work. `advice` is what to do when
    nobody has a file. `auth` answers servers that ask who is there; an address with a login in it speaks for itself.
    """

    client: httpx.Client
    attempts: int
    pause: Callable[[float], None]
    progress: Callable[[int], None] = lambda _: None
    advice: str = _HINT
    auth: httpx.Auth | None = None

    def fetch(
        self, addresses: Sequence[str], target: Path, expected: Expected, *, beginning: Path | None = None
    ) -> Path:
        """Make `target` the file that the first good one of `addresses` has.

        What an ended transfer left in the file `beginning`, by default beside `target`, is resumed when a digest is expected.
        `BuilderError` with the reason for every address; `VerificationError` where one of them has a file that is not
        what is expected.
        """
        arriving = beginning or target.with_name(f".{target.name}.partial")
        refusals: list[tuple[str, _RefusalError]] = []
        for address in addresses:
            try:
                self._try(address, arriving, expected)
            except _RefusalError as refusal:
                refusals.append((address, refusal))
            else:
                _move(arriving, target)
                return target
        raise _failure(target.name, refusals, self.advice)

    def _try(self, address: str, file: Path, expected: Expected) -> None:
        reason, after_s = "", 0.0
        for attempt in range(self.attempts):
            if attempt:
                self.pause(max(2.0 ** (attempt - 1), after_s))
            try:
                resumed = self._transfer(address, file, expected)
                _verify(file, expected, resumed=resumed)
            except _PassingError as error:
                reason, after_s = str(error), error.after_s
            else:
                return
        raise _RefusalError(f"{reason} ({self.attempts} attempts)")

    def _transfer(self, address: str, file: Path, expected: Expected) -> bool:
        """Bring `file` to its end; whether it held something before."""
        start = file.stat().st_size if expected.digest and file.exists() else 0
        if start >= expected.size_bytes:
            start = 0
        with self._open(address, start) as (offset, chunks), file.open("ab" if offset else "wb") as stream:
            size_bytes = offset
            for chunk in chunks:
                size_bytes += len(chunk)
                if size_bytes > expected.size_bytes:
                    stream.truncate(0)
                    raise _mismatch(f"it has more than {expected.size_bytes} bytes")
                stream.write(chunk)
                self.progress(size_bytes)
            stream.flush()
            os.fsync(stream.fileno())
        return offset > 0

    @contextmanager
    def _open(self, address: str, start: int) -> Iterator[tuple[int, Iterable[bytes]]]:
        """Where in the file the content begins that arrives, 0 or `start`; and that content."""
        if urlsplit(address).scheme == "file":
            with _open_local(address) as stream:
                yield 0, iter(partial(stream.read, CHUNK_BYTES), b"")
            return
        url, login = _split_login(address)
        headers = {"Range": f"bytes={start}-"} if start else {}
        try:
            with self.client.stream("GET", url, headers=headers, auth=login or self.auth) as response:
                _judge(response, start)
                yield start if response.status_code == HTTPStatus.PARTIAL_CONTENT else 0, response.iter_raw()
        except httpx.TimeoutException:
            raise _PassingError(f"no byte arrived for {self.client.timeout.read:g} s") from None
        except httpx.TransportError as error:
            raise _PassingError(str(error) or type(error).__name__) from None
        except (httpx.TooManyRedirects, httpx.InvalidURL) as error:
            raise _RefusalError(str(error)) from None


def fetch_pinned(
    pin: PinnedFile, bases: Sequence[str], directory: Path, downloader: Downloader, *, partials: Path
) -> Path:
    """The file of `pin` under its own name in `directory`, verified; fetched from the first good of the archive's `bases`.

    What an earlier call left in the directory `partials` is resumed.
    """
    expected = Expected(size_bytes=pin.size_bytes, digest=Digest(pin.sha256))
    addresses = [address_of(base, pin.path) for base in bases]
    with partial_file(partials, Digest(pin.sha256)) as place:
        return downloader.fetch(addresses, directory / pin.file_name, expected, beginning=place)


def address_of(mirror: str, path: str) -> str:
    """The address of `path`, relative to the base address of a mirror."""
    return f"{mirror}/{quote(path, safe='/+~:')}"


def _judge(response: httpx.Response, start: int) -> None:
    status = response.status_code
    told = f"the answer is {status} {response.reason_phrase}".rstrip()
    if status == HTTPStatus.PARTIAL_CONTENT and not response.headers.get("Content-Range", "").startswith(
        f"bytes {start}-"
    ):
        raise _RefusalError("it answered with another part of the file than was asked for")
    if status in _PASSING or status >= _SERVER_ERRORS:
        raise _PassingError(told, _wanted_pause_s(response, told))
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and start:
        raise _mismatch(f"it has no more than {start} bytes")
    if status not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        raise _RefusalError(told)


def _wanted_pause_s(response: httpx.Response, told: str) -> float:
    """How long the server wants to be left alone, where it says so in seconds; `_RefusalError` where nobody waits for that."""
    wanted = response.headers.get("Retry-After", "")
    seconds = float(wanted) if wanted.isdecimal() else 0.0
    if seconds > _LONGEST_PAUSE_S:
        raise _RefusalError(f"{told}, and it wants to be asked again in {wanted} s")
    return seconds


def _verify(file: Path, expected: Expected, *, resumed: bool) -> None:
    size_bytes = file.stat().st_size
    if expected.digest and size_bytes < expected.size_bytes:
        raise _PassingError(f"it ended after {size_bytes} of {expected.size_bytes} bytes")
    found = Digest.of_file(file)
    if expected.digest and found != expected.digest:
        file.unlink()
        if resumed:  # the first part may be another mirror's
            raise _PassingError("what was resumed is not what is expected")
        raise _mismatch(f"it is {found} instead of {expected.digest}")
    try:
        expected.check(file)
    except BuilderError as error:
        file.unlink()
        raise _RefusalError(error.brief, error) from None


def _move(source: Path, target: Path) -> None:
    """Give `source` its name; the two may lie on different file systems."""
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        copy_file(source, target)
        source.unlink()
    sync_directory(target.parent)


def _mismatch(reason: str) -> _RefusalError:
    return _RefusalError(reason, VerificationError(reason, hint="a mirror in the middle of an update, or a proxy, serves "
        "something else; nothing of it was used. Try later, or name another mirror in " + MIRROR_VARIABLE))  # fmt: skip


def _failure(name: str, refusals: Sequence[tuple[str, _RefusalError]], advice: str) -> BuilderError:
    details: list[str] = []
    for address, refusal in refusals:
        details.append(f"{shown(address)}: {refusal}")
        details += [f"    {line}" for line in refusal.cause.details] if refusal.cause else []
    causes = [refusal.cause for _, refusal in refusals if refusal.cause]
    kind = VerificationError if any(isinstance(one, VerificationError) for one in causes) else BuilderError
    return kind(f"{name} cannot be had", details=details, hint=causes[0].hint if causes else advice)


@contextmanager
def _open_local(address: str) -> Iterator[IO[bytes]]:
    try:
        stream = Path(unquote(urlsplit(address).path)).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise _RefusalError(error.strerror or str(error)) from None
    with stream:
        yield stream


def _split_login(address: str) -> tuple[str, tuple[str, str] | None]:
    parts = urlsplit(address)
    if parts.username is None:
        return address, None
    return shown(address), (unquote(parts.username), unquote(parts.password or ""))

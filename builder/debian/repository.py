"""A repository: a suite of an archive, its signed Release file, and the indexes that it vouches for (DebianRepository/Format)."""

import gzip
import lzma
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

from builder.core.digest import Digest
from builder.core.errors import BuilderError, RecipeError, VerificationError
from builder.debian.download import Downloader, Expected, address_of
from builder.debian.mirrors import MAIN_ARCHIVE, MIRROR_VARIABLE, Mirrors
from builder.debian.pins import ArchiveFile
from builder.formats.deb822 import Stanza, parse_stanza, required, split_stanzas
from builder.io.files import CHUNK_BYTES
from builder.trust.openpgp import Keyring

SOURCE = "source"
_SUFFIXES = (".xz", ".gz", "")  # best first
# Debian's own has 150 KB.
_MOST_RELEASE_BYTES = 16 << 20
_CLOCK_SKEW = timedelta(days=1)
_ENTRY = re.compile(r"([0-9a-f]{64})[ \t]+(\d+)[ \t]+(\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """`suite` (`trixie`, `trixie-security`) of `archive` (`debian`, `debian-security`) with these `components`.

    `keyring` may sign it. `mirrors` are its own base addresses; where it has none, those of all of Debian serve it.
    `old` allows a snapshot: a Release file past its date, signed with keys that have expired since.
    """

    archive: str = MAIN_ARCHIVE
    suite: str
    components: tuple[str, ...] = ("main",)
    keyring: Keyring
    mirrors: tuple[str, ...] = ()
    old: bool = False

    def __str__(self) -> str:
        return f"{self.suite} of {self.archive}"

    def bases(self, mirrors: Mirrors | None) -> tuple[str, ...]:
        """The base addresses to ask; `mirrors` are those of all of Debian."""
        if self.mirrors or mirrors is None:
            return self.mirrors
        return mirrors.of_archive(self.archive)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What the signed Release file of `repository` says."""

    repository: Repository
    fields: Stanza
    signed_by: tuple[str, ...]

    @property
    def by_hash(self) -> bool:
        """Whether indexes are also served under their digests, which outlast an update of the mirror."""
        return self.fields.get("acquire-by-hash", "").strip() == "yes"

    def index_of(self, component: str, architecture: str) -> ArchiveFile:
        """The index of `component` for `architecture`, or `source`; its path is below the suite's directory."""
        name = "source/Sources" if architecture == SOURCE else f"binary-{architecture}/Packages"
        entries = {entry.path: entry for entry in self._entries()}
        for suffix in _SUFFIXES:
            if entry := entries.get(f"{component}/{name}{suffix}"):
                return entry
        raise RecipeError(
            f"{self.repository} has no index of {component} for {architecture}",
            details=[
                f"{field}: {self.fields.get(field.lower(), '').strip()}" for field in ("Components", "Architectures")
            ],
            hint="is the suite the one that serves this architecture?",
        )

    @property
    def has_sources(self) -> bool:
        """Whether it has indexes of source packages; archives of others often have none."""
        return any(f"/{SOURCE}/Sources" in entry.path for entry in self._entries())

    def architectures_with(self, architecture: str) -> tuple[str, ...]:
        """The architectures whose indexes hold what can be installed on `architecture`: a few archives keep `all` apart."""
        listed = self.fields.get("architectures", "").split()
        together = "all" not in listed or "Packages" in self.fields.get("no-support-for-architecture-all", "").split()
        return (architecture,) if together else (architecture, "all")

    def _entries(self) -> Iterator[ArchiveFile]:
        for line in self.fields.get("sha256", "").split("\n"):
            if match := _ENTRY.fullmatch(line.strip()):
                yield ArchiveFile(path=match[3], size_bytes=int(match[2]), digest=Digest.from_hex(match[1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """Fetches what describes archives into `directory`, which keeps it: indexes under their digests, Release files anew.

    `mirrors` are those of all of Debian, None where every repository has its own. `now` is the time that dates are compared with.
    """

    downloader: Downloader
    mirrors: Mirrors | None
    directory: Path
    now: datetime

    def release(self, repository: Repository) -> Release:
        """The Release file of `repository`, signed by its keys, of its suite and of these days."""
        path = f"dists/{repository.suite}/InRelease"
        expected = Expected(size_bytes=_MOST_RELEASE_BYTES, check=partial(self._read, repository))
        target = self.directory / f"{repository.archive}_{repository.suite.replace('/', '_')}_InRelease"
        addresses = [address_of(base, path) for base in repository.bases(self.mirrors)]
        return self._read(repository, self.downloader.fetch(addresses, target, expected))

    def stanzas(self, release: Release, component: str, architecture: str) -> Iterator[bytes]:
        """The unparsed stanzas of an index; it is fetched where `directory` does not hold it yet."""
        index = release.index_of(component, architecture)
        target = self.directory / f"{index.digest.hex}{Path(index.path).suffix}"
        if not (target.exists() and Digest.of_file(target) == index.digest):
            names = [f"{index.path.rpartition('/')[0]}/by-hash/SHA256/{index.digest.hex}"] if release.by_hash else []
            names.append(index.path)
            suites = [
                address_of(base, f"dists/{release.repository.suite}") for base in release.repository.bases(self.mirrors)
            ]
            addresses = [address_of(suite, name) for suite in suites for name in names]
            self.downloader.fetch(addresses, target, Expected(size_bytes=index.size_bytes, digest=index.digest))
        with _open(target) as stream:
            yield from split_stanzas(iter(partial(stream.read, CHUNK_BYTES), b""))

    def _read(self, repository: Repository, file: Path) -> Release:
        what = f"the Release file of {repository}"
        signed = repository.keyring.verify(file.read_bytes(), what=what, now=self.now, expired_keys=repository.old)
        fields = parse_stanza(next(split_stanzas([signed.text]), b""), where=what)
        release = Release(repository=repository, fields=fields, signed_by=signed.fingerprints)
        _check_suite(release, what)
        self._check_dates(release, what)
        return release

    def _check_dates(self, release: Release, what: str) -> None:
        date = _date(required(release.fields, "Date", where=what), what)
        if date > self.now + _CLOCK_SKEW:
            raise VerificationError(
                f"{what} is of {date:%Y-%m-%d}, which is yet to come", hint="is this machine's clock right?"
            )
        until = release.fields.get("valid-until")
        if until and not release.repository.old and _date(until, what) < self.now:
            raise VerificationError(
                f"{what} was valid until {_date(until, what):%Y-%m-%d %H:%M} UTC only",
                hint=f"the mirror is no longer updated: name another in {MIRROR_VARIABLE}. A snapshot must be allowed to be old",
            )


def _open(index: Path) -> BinaryIO | lzma.LZMAFile | gzip.GzipFile:
    """The content of an index, unpacked as its name says."""
    match index.suffix:
        case ".xz":
            return lzma.open(index)
        case ".gz":
            return gzip.open(index)
        case _:
            return index.open("rb")


def _check_suite(release: Release, what: str) -> None:
    """A mirror must not pass off one suite as another: both are signed by the same keys."""
    names = [release.fields.get(name, "").strip() for name in ("codename", "suite")]
    if release.repository.suite.rstrip("/") not in names:
        raise VerificationError(
            f"{what} is that of another suite", details=[f"it calls itself {' or '.join(filter(None, names))}"]
        )


def _date(text: str, what: str) -> datetime:
    try:
        date = parsedate_to_datetime(text.strip().removesuffix("UTC") + "+0000")
    except ValueError:
        raise BuilderError(f"{what} has the date {text.strip()!r}, which is none") from None
    return date.astimezone(UTC)

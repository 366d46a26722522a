"""A small archive that is laid out and signed like Debian's, with a key of its own."""

import hashlib
import lzma
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pysequoia

from builder.trust.openpgp import Keyring
from tests.unit.debian.packages import deb, file

DATE = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass(kw_only=True)
class Archive:
    """Files below `root`. `packages` maps an architecture to the stanzas of its index; `release` adds fields to InRelease."""

    root: Path
    signer: pysequoia.Tsk
    suite: str = "stable"
    packages: dict[str, list[str]] = field(default_factory=dict)
    release: dict[str, str] = field(default_factory=dict)

    @property
    def keyring(self) -> Keyring:
        return Keyring(certificates=(self.signer.extract_certificate(),))

    @property
    def release_path(self) -> Path:
        return self.root / "dists" / self.suite / "InRelease"

    def index_path(self, architecture: str) -> Path:
        name = "source/Sources" if architecture == "source" else f"binary-{architecture}/Packages"
        return self.root / "dists" / self.suite / "main" / f"{name}.xz"

    def add_package(
        self, name: str, version: str, architecture: str, content: bytes = b"content", *, fields: str = ""
    ) -> Path:
        """Put a package into the pool and into the index of `architecture`, with further lines of `fields`; its path."""
        data = deb([file(f"./usr/share/{name}", content)])
        path = f"pool/main/{name[0]}/{name}/{name}_{version.partition(':')[2] or version}_{architecture}.deb"
        self._write(path, data)
        self.packages.setdefault(architecture, []).append(
            f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nFilename: {path}\n"
            f"Size: {len(data)}\nSHA256: {sha256(data)}\n{fields}Description: a sample\n of a package\n"
        )
        return self.root / path

    def add_source(self, name: str, version: str, files: dict[str, bytes]) -> None:
        directory = f"pool/main/{name[0]}/{name}"
        for file_name, data in files.items():
            self._write(f"{directory}/{file_name}", data)
        sums = "\n".join(f" {sha256(data)} {len(data)} {file_name}" for file_name, data in files.items())
        self.packages.setdefault("source", []).append(
            f"Package: {name}\nVersion: {version}\nDirectory: {directory}\nChecksums-Sha256:\n{sums}\n"
        )

    def publish(self, *, by_hash: bool = False) -> None:
        """Write the indexes and sign what vouches for them; with `by_hash` the indexes lie under their digests alone."""
        entries = []
        for architecture, stanzas in self.packages.items():
            path = self.index_path(architecture)
            data = lzma.compress("\n".join(stanzas).encode())
            entries.append(f" {sha256(data)} {len(data)} {path.relative_to(self.release_path.parent)}")
            place = path.parent / "by-hash/SHA256" / sha256(data) if by_hash else path
            self._write(str(place.relative_to(self.root)), data)
        fields = {"Codename": self.suite, "Date": format_datetime(DATE).replace("+0000", "UTC")}
        fields |= {"Acquire-By-Hash": "yes"} if by_hash else {}
        lines = [f"{name}: {value}" for name, value in (fields | self.release).items()]
        self.sign("\n".join([*lines, "SHA256:", *entries, ""]).encode())

    def sign(self, text: bytes, signer: pysequoia.Tsk | None = None) -> None:
        key = (signer or self.signer).signer()
        data = pysequoia.sign(key, text, mode=pysequoia.SignatureMode.CLEAR)
        self._write(str(self.release_path.relative_to(self.root)), data)

    def _write(self, path: str, data: bytes) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

"""Sums of Go modules as go.sum has them (golang.org/x/mod/sumdb/dirhash), reckoned without a Go command."""

import base64
import hashlib
import zipfile
from collections.abc import Iterable
from pathlib import Path

from builder.io.files import CHUNK_BYTES


def archive_sum(archive: Path) -> str:
    """The sum of the module in the zip at `archive`; empty where that is no whole zip."""
    try:
        with zipfile.ZipFile(archive) as opened:
            return _h1((name, _digest_of(opened, name)) for name in opened.namelist())
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError):
        return ""


def go_mod_sum(go_mod: Path) -> str:
    """The sum of the go.mod at `go_mod` alone."""
    return _h1([("go.mod", hashlib.sha256(go_mod.read_bytes()).hexdigest())])


def _digest_of(archive: zipfile.ZipFile, name: str) -> str:
    digest = hashlib.sha256()
    with archive.open(name) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _h1(files: Iterable[tuple[str, str]]) -> str:
    """SHA-256 over the lines that sha256sum would print for `files` (name and digest), sorted by name."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(files))
    return f"h1:{base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()}"

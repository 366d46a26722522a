"""A controller whose data directory is a small file system of its own."""

import io
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from tests.integration.components.process import clean_environment, running
from tests.integration.controller.controller import Controller, Place

_NAMESPACES = ("unshare", "--user", "--map-root-user", "--mount")
_MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """The file system as its controller sees it; outside, its directory looks empty."""

    controller: Controller
    root: Path

    @property
    def filler(self) -> Path:
        return self.root / "filler"

    def fill(self) -> None:
        """Leave not a byte."""
        with self.filler.open("wb", buffering=0) as file:
            for size in (_MEBIBYTE, 4096, 1):
                with pytest.raises(OSError, match="No space left"):
                    _pour(file, bytes(size))

    def enter(self, *argv: str) -> list[str]:
        """`argv` as a command that sees the file system in its place."""
        process = f"--target={self.controller.daemon.process.pid}"
        return ["nsenter", process, "--user", "--preserve-credentials", "--mount", *argv]

    def kubectl_can(self) -> None:
        """Put the administrator's file where the outside sees the directory."""
        name = Path("pki", "admin.conf")
        outside = self.controller.place.data / name
        outside.parent.mkdir(exist_ok=True)
        outside.write_bytes((self.root / name).read_bytes())


def _pour(file: io.FileIO, piece: bytes) -> NoReturn:
    while True:
        file.write(piece)


@contextmanager
def on_a_disk_of(where: Place, size: str) -> Iterator[Disk]:
    """Run a controller on a data directory of `size` until it is ready."""
    where.data.mkdir()
    with running(on_disk(where, f"size={size}", *where.argv()), name="kedge", directory=where.directory) as daemon:
        controller = Controller(place=where, daemon=daemon)
        controller.wait_until_ready()
        inside = Path(f"/proc/{daemon.process.pid}/root") / where.data.relative_to("/")
        disk = Disk(controller=controller, root=inside)
        disk.kubectl_can()
        yield disk


def on_disk(where: Place, options: str, *argv: str) -> list[str]:
    """`argv` with a file system in memory in the data directory's place; skips where there is none to be had."""
    _require()
    script = 'mount -t tmpfs -o "$1" none "$2" && shift 2 && exec "$@"'
    return [*_NAMESPACES, "sh", "-c", script, "sh", options, str(where.data), *argv]


def said(argv: Sequence[str]) -> tuple[int, str]:
    """The exit code and the errors of a command that ends by itself."""
    done = subprocess.run(
        argv,
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment({}),
        stdin=subprocess.DEVNULL,
        timeout=60,
    )
    return done.returncode, done.stderr


def _require() -> None:
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare")
    script = "mount -t tmpfs none /mnt"
    tried = subprocess.run([*_NAMESPACES, "sh", "-c", script], capture_output=True, check=False, env=dict(os.environ))
    if tried.returncode != 0:
        pytest.skip(f"file systems cannot be mounted here: {tried.stderr.decode()}")

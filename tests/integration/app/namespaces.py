"""Worlds of their own for a builder: without a network, or with small and read-only file systems."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

NO_NETWORK = ("unshare", "--map-root-user", "--net")


def require_no_network() -> None:
    """Skip the test where this user may not make a network namespace."""
    tried = subprocess.run([*NO_NETWORK, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"a network namespace cannot be made here: {tried.stderr.strip()}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounts:
    """A mount namespace that the process `pid` keeps alive."""

    pid: int

    @property
    def wrapper(self) -> tuple[str, ...]:
        """Put before a command, runs it inside, in the present directory."""
        enter = ("nsenter", f"--target={self.pid}", "--user", "--mount", "--preserve-credentials")
        return (*enter, "/bin/sh", "-c", 'cd "$0" && exec "$@"')

    def inside(self, cwd: Path) -> tuple[str, ...]:
        """`wrapper` for commands that run in `cwd`."""
        return (*self.wrapper, str(cwd))

    def see(self, path: Path) -> Path:
        """`path` as it is inside."""
        return Path(f"/proc/{self.pid}/root{path}")

    def mount(self, place: Path, size_bytes: int) -> Path:
        """A small file system at `place`; how it is seen from outside."""
        place.mkdir(parents=True, exist_ok=True)
        self._run("mount", "-t", "tmpfs", "-o", f"size={size_bytes},mode=755", "tmpfs", str(place))
        return self.see(place)

    def bind_read_only(self, place: Path) -> None:
        """Make the directory `place` read-only inside."""
        self._run("mount", "--bind", str(place), str(place))
        self._run("mount", "-o", "remount,bind,ro", str(place))

    def _run(self, *argv: str) -> None:
        subprocess.run([*self.inside(Path("/")), *argv], check=True)


@contextmanager
def private_mounts() -> Iterator[Mounts]:
    """A mount namespace while the block runs; skips the test where this user may not make one."""
    argv = ["unshare", "--map-root-user", "--mount", "/bin/sh", "-c", "echo ready && exec cat"]
    holder = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    try:
        if holder.stdout.readline() != "ready\n":
            _, said = holder.communicate()
            pytest.skip(f"a mount namespace cannot be made here: {said.strip()}")
        yield Mounts(pid=holder.pid)
    finally:
        holder.communicate()

"""A directory as the root of processes."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.integration.components.process import Daemon, running
from tests.integration.roots.space import Space, environment, require_tool

TIMEOUT_S = 300
KEDGE = "/kedge"
# What a shell would look for; roots hold none of it unless a test hands it in.
SEARCHED = "/bin:/sbin:/usr/bin:/usr/sbin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """`directory` as the root of whoever runs in it; `emulator` stands before every command."""

    directory: Path
    space: Space
    emulator: tuple[str, ...] = ()
    path: str = SEARCHED

    def argv(self, *argv: str, extra: Mapping[str, str] | None = None) -> list[str]:
        """The command line that starts `argv` in here, with nothing in its environment but PATH and `extra`."""
        settings = {"PATH": self.path, **(extra or {})}
        clean = [require_tool("env"), "-i", *(f"{name}={value}" for name, value in settings.items())]
        command = [require_tool("chroot"), str(self.directory), *self.emulator, *argv]
        return self.space.enter(*clean, *command)

    def run(
        self, *argv: str, told: str = "", extra: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end; `told` is its standard input."""
        return subprocess.run(
            self.argv(*argv, extra=extra), input=told, capture_output=True, text=True, check=False, timeout=TIMEOUT_S,
            env=environment(),
        )  # fmt: skip

    def said(self, *argv: str, told: str = "") -> str:
        """Standard output of a command that goes well."""
        done = self.run(*argv, told=told)
        assert done.returncode == 0, f"{' '.join(argv)}: {done.stdout}{done.stderr}"
        return done.stdout

    def kedge(self, *arguments: str) -> str:
        return self.said(KEDGE, *arguments)

    def helpers(self) -> set[str]:
        """The paths of all helpers and links to them that kedge says it carries."""
        first = [line.split()[0] for line in self.kedge("payload", "list").splitlines() if line]
        return {one for one in first if one.startswith(("bin/", "cni/", "lib/"))}

    @contextmanager
    def running(self, *argv: str, logs: Path) -> Iterator[Daemon]:
        """A process in here as long as the context is open; its output goes to the directory `logs` outside."""
        with running(self.argv(*argv), name=Path(argv[0]).name, directory=logs) as daemon:
            yield daemon

    def files(self) -> set[str]:
        """What lies in here, as absolute paths without directories; what is mounted in here is left out."""
        found = set()
        device = self.directory.stat().st_dev
        for place, directories, names in os.walk(self.directory):
            directories[:] = [one for one in directories if (Path(place) / one).lstat().st_dev == device]
            found |= {f"/{(Path(place) / name).relative_to(self.directory)}" for name in names}
        return found


def put(source: Path, target: Path) -> None:
    """Another name of `source`, or a copy where the kernel allows no other name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copy(source, target)

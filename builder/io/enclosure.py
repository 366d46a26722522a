"""Directories as roots of commands that need to be root, in namespaces of their own and without a network.

Nothing but the kernel does it: no program of this machine is used, except `newuidmap` and `newgidmap` for ordinary users, who
need them to have more than one user inside. With a user namespace goes a binfmt_misc of its own (Linux 6.7): emulators that
are registered there exist for the enclosed processes alone.
"""

import json
import os
import pwd
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from builder.core.errors import MissingToolError
from builder.io import enclosure_process
from builder.io.command import Command, CommandError
from builder.io.spawn import Runner

MapLine: TypeAlias = tuple[int, int, int]
"""First id inside, first id outside, how many; as in user_namespaces(7)."""

# What an ordinary user needs beside the own id, so that all that Debian names are there, up to nobody (65534).
_FEWEST_IDS = 65535
# How `enclosure_process` ends, and begins what it says, when the command was not even started.
_CANNOT, _SAYS = 71, "enclosure: "
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_MAP_TOOLS = ("newuidmap", "newgidmap")
# Both are setuid programs of the machine, wherever the user's PATH leads.
_MAP_TOOL_PATH = "/usr/bin:/usr/sbin:/bin:/usr/local/bin:/run/wrappers/bin"


class MountKind(StrEnum):
    """What is mounted: a directory or file from outside, memory, or what the kernel shows."""

    BIND = "bind"
    TMPFS = "tmpfs"
    PROC = "proc"
    SYSFS = "sysfs"
    DEVPTS = "devpts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A mount at `target`, relative to the root; `source` is absolute. Places that are missing are made."""

    kind: MountKind
    target: str
    source: str = ""
    read_only: bool = False

    @classmethod
    def of(cls, source: Path, target: str, *, read_only: bool = False) -> "Mount":
        """`source` as it is, with all that is mounted in it, at `target`."""
        return cls(kind=MountKind.BIND, target=target, source=str(source.absolute()), read_only=read_only)

    def wanted(self) -> enclosure_process.MountWanted:
        """This, as the enclosure's process reads it."""
        return {"kind": self.kind, "target": self.target, "source": self.source, "read_only": self.read_only}


# What programs expect of a running system. Devices are the machine's: in a user namespace none can be made.
SYSTEM_MOUNTS = (
    Mount(kind=MountKind.PROC, target="proc"),
    Mount(kind=MountKind.SYSFS, target="sys"),
    *(Mount.of(Path("/dev") / name, f"dev/{name}") for name in ("full", "null", "random", "tty", "urandom", "zero")),
    Mount(kind=MountKind.DEVPTS, target="dev/pts"),
    Mount(kind=MountKind.TMPFS, target="dev/shm"),
    Mount(kind=MountKind.TMPFS, target="tmp"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """The directory `root` as the root of commands. They run as its root, whoever runs this.

    `interpreters` are lines for binfmt_misc(5). They take a user namespace, which ordinary users get in any case: see
    `own_users`. Without one, root inside is root outside, shut in by mounts alone.
    """

    root: Path
    mounts: Sequence[Mount] = SYSTEM_MOUNTS
    interpreters: Sequence[str] = field(default=())

    @property
    def own_users(self) -> bool:
        """Whether the commands get a user namespace."""
        return os.geteuid() != 0 or bool(self.interpreters)

    def run(self, runner: Runner, argv: Sequence[str], env: Mapping[str, str]) -> None:
        """Run `argv` to its end, its output in the runner's log, with `env` and a PATH as its environment.

        `MissingToolError` where this machine has no such namespaces for this user, `CommandError` where the command fails.
        """
        command = self.command(argv, env)
        try:
            runner.run(command)
        except CommandError as error:
            said = [line for line in error.failure.last_lines if line.startswith(_SAYS)]
            if error.failure.exit_status == _CANNOT and said:
                raise _cannot(said[-1]) from error
            # What failed is the command, not the process that shut it in.
            brief = error.brief.replace(Path(command.argv[0]).name, Path(argv[0]).name, 1)
            raise CommandError(brief, failure=error.failure, hint=error.hint) from error

    def command(self, argv: Sequence[str], env: Mapping[str, str]) -> Command:
        """The command that runs `argv` in here."""
        wanted: enclosure_process.Wanted = {
            "root": str(self.root.absolute()),
            "mounts": [mount.wanted() for mount in self.mounts],
            "interpreters": list(self.interpreters),
            "user_namespace": self.own_users,
            "map_with_tools": os.geteuid() != 0,
            "argv": list(argv),
            "env": {"PATH": _PATH, "LC_ALL": "C.UTF-8", **env},
            "maps": _maps() if self.own_users else {},
        }
        script = enclosure_process.__file__
        start = (sys.executable, "-I", "-S", script, json.dumps(wanted))
        return Command(argv=start, env={"PATH": _MAP_TOOL_PATH}, cwd=Path("/"))


def _maps() -> dict[str, list[MapLine]]:
    """Which users there are inside."""
    if os.geteuid() == 0:
        return {kind: _same(Path(f"/proc/self/{kind}_map")) for kind in ("uid", "gid")}
    return granted_ids(Path("/etc"), pwd.getpwuid(os.geteuid()).pw_name)


def _same(table: Path) -> list[MapLine]:
    """All ids that this process has, under their own numbers."""
    lines = [line.split() for line in table.read_text().splitlines()]
    return [(int(first), int(first), int(count)) for first, _, count in lines]


def granted_ids(etc: Path, user: str) -> dict[str, list[MapLine]]:
    """The present user as root, and the ids that `subuid` and `subgid` in `etc` grant them; all that is missing at once."""
    own = {"uid": os.geteuid(), "gid": os.getegid()}
    missing = [f"the program {tool}" for tool in _MAP_TOOLS if shutil.which(tool, path=_MAP_TOOL_PATH) is None]
    maps: dict[str, list[MapLine]] = {}
    for kind, number in own.items():
        granted = _granted(etc / f"sub{kind}", {user, str(os.geteuid())})
        if granted is None:
            missing.append(f"{_FEWEST_IDS} ids or more for {user} in {etc / f'sub{kind}'}")
        else:
            maps[kind] = [(0, number, 1), (1, granted, _FEWEST_IDS)]
    if missing:
        raise MissingToolError(
            f"{user} cannot have the users of a system in a namespace",
            details=[f"missing: {one}" for one in missing],
            hint="on Debian: apt install uidmap, then usermod --add-subuids 100000-165535 --add-subgids 100000-165535"
            f" {user}; or run this as root",
        )
    return maps


def _granted(table: Path, names: set[str]) -> int | None:
    """The first id of the first range in `table` that is large enough."""
    try:
        rows = [line.strip().split(":") for line in table.read_text().splitlines()]
    except OSError:
        return None
    fitting = [row for row in rows if len(row) == 3 and row[0] in names and int(row[2]) >= _FEWEST_IDS]  # noqa: PLR2004 - subuid(5)
    return int(fitting[0][1]) if fitting else None


def _cannot(said: str) -> MissingToolError:
    why = said.removeprefix(_SAYS)
    if why.startswith("cannot start"):
        return MissingToolError(f"the enclosure {why}")
    hint = "namespaces may be switched off: look at 'sysctl user.max_user_namespaces kernel.unprivileged_userns_clone'"
    if "binfmt_misc" in why:
        hint = "foreign executables run in a namespace of their own from Linux 6.7 on, with binfmt_misc in the kernel"
    elif "mounting proc" in why:
        hint = "a container that hides parts of /proc allows no process namespace: start it with --privileged"
    return MissingToolError(f"this machine cannot shut commands in: {why}", hint=hint)

"""The process that shuts a command into namespaces of its own; see `builder.io.enclosure`.

Started as a script with one argument, the JSON of an enclosure, without the site module. Whoever calls unshare(2) for a user
namespace must have one thread, and the maps of its users have to be written from outside: so there are three processes. The
outermost writes the maps, the second makes the namespaces, the third is the first process of the new process namespace: it
mounts, changes its root, starts the command, and collects whatever is orphaned. When it ends, the kernel ends all in there.
"""

import ctypes
import json
import os
import subprocess
import sys
from contextlib import suppress
from signal import SIGKILL
from typing import NoReturn, TypedDict

# linux/sched.h, linux/mount.h, linux/prctl.h
_NEW_MOUNTS, _NEW_HOST_NAME, _NEW_IPC, _NEW_USERS, _NEW_PROCESSES, _NEW_NETWORK = (
    0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
_READ_ONLY, _NO_SET_ID, _NO_DEVICES, _NO_EXECUTABLES, _REMOUNT, _BIND, _RECURSIVE, _PRIVATE = (
    0x1, 0x2, 0x4, 0x8, 0x20, 0x1000, 0x4000, 0x40000,
)  # fmt: skip
_DETACH = 2
_SET_PARENT_DEATH_SIGNAL = 1
_PLAIN = _NO_SET_ID | _NO_DEVICES | _NO_EXECUTABLES
# As sysexits(3) has it for a system that lacks something; `builder.io.enclosure` tells it from the command's own status.
_CANNOT = 71

_libc = ctypes.CDLL(None, use_errno=True)


class MountWanted(TypedDict):
    """See `enclosure.Mount`."""

    kind: str
    target: str
    source: str
    read_only: bool


class Wanted(TypedDict):
    """What is read from the argument. Maps of users hold first id inside, first id outside, how many."""

    root: str
    mounts: list[MountWanted]
    interpreters: list[str]
    user_namespace: bool
    map_with_tools: bool
    maps: dict[str, list[tuple[int, int, int]]]
    argv: list[str]
    env: dict[str, str]


def main() -> None:
    """Run the command and end with its status."""
    wanted: Wanted = json.loads(sys.argv[1])
    made, written = os.pipe(), os.pipe()
    second = os.fork()
    if second == 0:
        _enter(wanted, made[1], written)
    os.close(made[1])
    os.close(written[0])
    if os.read(made[0], 1):
        if wanted["user_namespace"]:
            _write_maps(second, wanted)
        os.write(written[1], b"+")
    _end_as(second)


def _write_maps(pid: int, wanted: Wanted) -> None:
    """Give the user namespace of `pid` its users: all that root has, or those that newuidmap grants."""
    for kind, tool in (("uid", "newuidmap"), ("gid", "newgidmap")):
        lines = wanted["maps"][kind]
        if wanted["map_with_tools"]:
            numbers = [str(number) for line in lines for number in line]
            done = subprocess.run([tool, str(pid), *numbers], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                os.kill(pid, SIGKILL)
                _give_up(f"{tool} fails: {done.stderr.strip()}")
        else:
            with open(f"/proc/{pid}/{kind}_map", "w", encoding="ascii") as stream:  # noqa: PTH123 - pathlib is slow to import
                stream.write("".join(f"{inner} {outer} {count}\n" for inner, outer, count in lines))


def _enter(wanted: Wanted, made: int, written: tuple[int, int]) -> NoReturn:
    flags = _NEW_MOUNTS | _NEW_HOST_NAME | _NEW_IPC | _NEW_PROCESSES | _NEW_NETWORK
    _call("making namespaces", _libc.unshare(flags | (_NEW_USERS if wanted["user_namespace"] else 0)))
    os.write(made, b"+")
    os.close(written[1])
    os.read(written[0], 1)
    os.close(written[0])
    os.close(made)
    if wanted["user_namespace"]:
        os.setgroups([])
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
    first = os.fork()
    if first == 0:
        _call("prctl", _libc.prctl(_SET_PARENT_DEATH_SIGNAL, int(SIGKILL), 0, 0, 0))
        try:
            _furnish(wanted)
            _change_root(wanted["root"])
            _end_as(_start(wanted))
        except OSError as error:
            _give_up(f"{error.filename or 'the enclosure'}: {error.strerror}")
    _end_as(first)


def _furnish(wanted: Wanted) -> None:
    root = wanted["root"]
    _mount("none", "/", "", _RECURSIVE | _PRIVATE)
    _mount(root, root, "", _BIND | _RECURSIVE)
    for mount in wanted["mounts"]:
        target = f"{root}/{mount['target']}"
        _make_place(target, like=mount["source"])
        if mount["kind"] == "bind":
            _mount(mount["source"], target, "", _BIND | _RECURSIVE)
            if mount["read_only"]:
                _make_read_only(target)
        elif mount["kind"] == "tmpfs":
            _mount("tmpfs", target, "tmpfs", _NO_DEVICES, "mode=1777")
        elif mount["kind"] == "devpts":
            _mount("devpts", target, "devpts", _NO_SET_ID | _NO_EXECUTABLES, "newinstance,ptmxmode=0666,mode=0620")
        else:
            _mount(mount["kind"], target, mount["kind"], _PLAIN)
    if wanted["interpreters"]:
        _register(wanted["interpreters"], f"{root}/proc/sys/fs/binfmt_misc")
    with suppress(OSError):
        _libc.sethostname(b"localhost", 9)


def _register(lines: list[str], place: str) -> None:
    """Let the kernel start foreign executables in this user namespace alone; the emulators are opened here and now."""
    if not os.path.ismount(place):
        _mount("binfmt_misc", place, "binfmt_misc", _PLAIN)
    for line in lines:
        with open(f"{place}/register", "wb", buffering=0) as stream:  # noqa: PTH123 - pathlib is slow to import
            stream.write(line.encode())


def _make_place(target: str, *, like: str) -> None:
    if os.path.lexists(target):
        return
    if like and not os.path.isdir(like):  # noqa: PTH112 - pathlib is slow to import
        os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120 - the same
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644))
    else:
        os.makedirs(target, exist_ok=True)  # noqa: PTH103 - the same


def _make_read_only(target: str) -> None:
    """Remount; flags that the mount was made with outside may not be dropped inside."""
    flags = os.statvfs(target).f_flag & (_NO_SET_ID | _NO_DEVICES | _NO_EXECUTABLES)
    _mount("none", target, "", _REMOUNT | _BIND | _READ_ONLY | flags)


def _change_root(root: str) -> None:
    os.chdir(root)
    _call(f"{root}: pivot_root", _libc.pivot_root(b".", b"."))
    _call("umount", _libc.umount2(b".", _DETACH))
    os.chdir("/")


def _start(wanted: Wanted) -> int:
    pid = os.fork()
    if pid == 0:
        os.umask(0o022)
        try:
            os.execvpe(wanted["argv"][0], wanted["argv"], wanted["env"])  # noqa: S606 - there is no shell to ask
        except OSError as error:
            _give_up(f"cannot start {wanted['argv'][0]}: {error.strerror}")
    return pid


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    arguments = [os.fsencode(one) if one else None for one in (source, target, kind)]
    result = _libc.mount(*arguments, ctypes.c_ulong(flags), options.encode() if options else None)
    _call(f"mounting {kind or source} at {target}", result)


def _call(what: str, result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def _end_as(child: int) -> NoReturn:
    """Wait for `child`, collecting all others that end meanwhile, and end as it did."""
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


def _give_up(why: str) -> NoReturn:
    sys.stderr.write(f"enclosure: {why}\n")
    sys.stderr.flush()
    os._exit(_CANNOT)


if __name__ == "__main__":
    try:
        main()
    except OSError as problem:
        _give_up(f"{problem.filename or 'the enclosure'}: {problem.strerror}")

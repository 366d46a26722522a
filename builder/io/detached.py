"""A process that outlives the builder, and finding it again."""

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from builder.io.procfs import ProcessStat, process_ids, read_stat


def start_detached(argv: Sequence[str], *, env: Mapping[str, str], log: Path) -> int:
    """Start `argv` in a session of its own, its output in `log`; its process id. Nobody waits for it."""
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        return os.posix_spawn(
            argv[0],
            list(argv),
            {"LC_ALL": "C.UTF-8", **env},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, output, 1),
                (os.POSIX_SPAWN_DUP2, output, 2),
            ],
            setsid=True,
        )
    finally:
        os.close(output)


def marked_processes(names: Collection[str], directory: Path) -> list[ProcessStat]:
    """The living processes in whose environment one of the variables `names` is `directory`, or a path below it."""
    others = process_ids() - {os.getpid()}
    found = [stat for pid in others if _is_marked(pid, names, os.fsencode(directory)) and (stat := read_stat(pid))]
    return [stat for stat in found if stat.is_alive]


def _is_marked(pid: int, names: Collection[str], value: bytes) -> bool:
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False  # it has ended, or is another user's
    pairs = (variable.partition(b"=") for variable in variables)
    return any(os.fsdecode(name) in names and (one == value or one.startswith(value + b"/")) for name, _, one in pairs)

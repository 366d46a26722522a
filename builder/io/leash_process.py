"""The process at the other end of the leash: ends all that a builder left behind when it died.

Started by `builder.io.leash` as a script, without the site module, so it imports little and starts in milliseconds.
It reads lines `+SESSION`, `-SESSION` and `=PIPE` (an inode) from its standard input. The end of the input means that the
builder is gone, however it died; then every process of the sessions that are left, every process that has the pipe open,
and every descendant of them is killed.
"""

import os
import signal
import sys
import time

# Rounds of looking for processes and killing them, 20 ms apart: what forks while it is killed is found in the next.
_ROUNDS = 250
_PAUSE_S = 0.02


def main() -> None:
    """Follow the builder's sessions until its end, then kill what is left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    # The builder has the pipe open too, and may live on when it only is done with this helper.
    spared = {os.getpid(), os.getppid()}
    sessions, pipe = _follow(sys.stdin.fileno())
    victims: set[int] = set()
    for _ in range(_ROUNDS):
        victims = _members(sessions, victims | (_holders(pipe) - spared))
        if not victims:
            return
        for pid in victims:
            _kill(pid)
        time.sleep(_PAUSE_S)


def _follow(descriptor: int) -> tuple[set[int], str]:
    """The sessions that are left at the end of the input, and what the pipe is called in /proc/PID/fd."""
    sessions: set[int] = set()
    pipe = ""
    rest = b""
    while data := os.read(descriptor, 4096):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"+"):
                sessions.add(int(line[1:]))
            elif line.startswith(b"-"):
                sessions.discard(int(line[1:]))
            elif line.startswith(b"="):
                pipe = f"pipe:[{int(line[1:])}]"
    return sessions, pipe


def _holders(pipe: str) -> set[int]:
    """The processes that have `pipe` open; a pipe's name is unique while anybody has it open."""
    return {pid for pid in _process_ids() if pipe and pipe in _open_files(pid)}


def _open_files(pid: int) -> set[str]:
    place = f"/proc/{pid}/fd"
    found = set()
    try:
        for name in os.listdir(place):  # noqa: PTH208 - pathlib is slow to import
            found.add(os.readlink(f"{place}/{name}"))  # noqa: PTH115 - the same
    except OSError:  # the process has ended, or is another user's
        return found
    return found


def _members(sessions: set[int], victims: set[int]) -> set[int]:
    """The living processes of `sessions`, their descendants, and those of `victims` that are still alive."""
    table = {pid: fields for pid in _process_ids() if (fields := _stat(pid))}
    members = {
        pid
        for pid, (_, _, group, session) in table.items()
        if session in sessions or group in sessions or pid in victims
    }
    size = -1
    while size != len(members):
        size = len(members)
        members |= {pid for pid, (_, parent, _, _) in table.items() if parent in members}
    return {pid for pid in members if table[pid][0] not in "ZX"}


def _process_ids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - pathlib is slow to import


def _stat(pid: int) -> tuple[str, int, int, int] | None:
    """State, parent, process group and session of `pid`; fields 3 to 6 of proc(5)'s stat."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:  # noqa: PTH123 - pathlib is slow to import
            fields = stream.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return fields[0].decode(), int(fields[1]), int(fields[2]), int(fields[3])


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        return


if __name__ == "__main__":
    main()

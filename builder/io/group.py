"""All the processes of one command, and their end."""

import os
import time
from signal import SIGKILL, SIGTERM, Signals, pidfd_send_signal

from builder.io.procfs import ProcessStat, process_ids, read_stat

# Samples between two complete looks at the process table. In between only new process ids are looked at: a process
# that is not ours cannot become ours, but its id can be given to one of ours.
_FULL_LOOK_EVERY = 25
# A process in uninterruptible sleep outlives SIGKILL until the kernel answers it; waiting for it for ever helps nobody.
_KILL_PATIENCE_S = 5.0
_POLL_S = 0.01


class ProcessGroup:
    """The processes of a command that was started as the leader of a session of its own.

    Members are all of that session (shells with job control make process groups inside it), all descendants, and
    whatever has once been seen as one: so also a daemon that left the session and whose parent has ended. What leaves
    the session, is orphaned and does both between two samples escapes.

    The leader must stay unreaped while this is used, so that its id cannot be given to another process.
    """

    def __init__(self, leader: int) -> None:
        self._leader = leader
        self._known: dict[int, int] = {}
        self._outsiders: set[int] = set()
        self._looks = 0

    def members(self) -> list[ProcessStat]:
        """The living members."""
        self._looks += 1
        if self._looks % _FULL_LOOK_EVERY == 0:
            self._outsiders.clear()
        present = process_ids()
        self._outsiders &= present
        candidates = [stat for pid in present - self._outsiders if (stat := read_stat(pid)) is not None]
        members = self._sort_out(candidates)
        self._known = {stat.pid: stat.start_ticks for stat in members}
        return [stat for stat in members if stat.is_alive]

    def signal(self, number: Signals) -> bool:
        """Send `number` to all living members; False when there is none."""
        members = self.members()
        if members:
            self._send_to_group(number)
        for stat in members:
            if stat.group != self._leader:
                send(stat, number)
        return bool(members)

    def kill(self) -> bool:
        """End all members and wait until they are gone; False when one cannot be ended."""
        deadline = time.monotonic() + _KILL_PATIENCE_S
        while self.signal(SIGKILL):
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_S)
        return True

    def end(self, grace_s: float) -> bool:
        """Ask all members to end, and end those that are left after `grace_s` seconds."""
        deadline = time.monotonic() + grace_s
        if self.signal(SIGTERM):
            while self.members() and time.monotonic() < deadline:
                time.sleep(_POLL_S)
        return self.kill()

    def _sort_out(self, candidates: list[ProcessStat]) -> list[ProcessStat]:
        members: dict[int, ProcessStat] = {}
        rest = candidates
        while rest:
            found = [stat for stat in rest if self._is_member(stat, members)]
            if not found:
                break
            members.update((stat.pid, stat) for stat in found)
            rest = [stat for stat in rest if stat.pid not in members]
        self._outsiders.update(stat.pid for stat in rest)
        return list(members.values())

    def _is_member(self, stat: ProcessStat, members: dict[int, ProcessStat]) -> bool:
        return (
            self._leader in (stat.session, stat.group)
            or stat.parent in members
            or self._known.get(stat.pid) == stat.start_ticks
        )

    def _send_to_group(self, number: Signals) -> None:
        # One call reaches every member at once, also a child that is being forked at this moment.
        try:
            os.killpg(self._leader, number)
        except (ProcessLookupError, PermissionError):
            return


def send(stat: ProcessStat, number: Signals) -> None:
    """Send a signal to exactly the process that `stat` describes, never to a later one with the same id."""
    try:
        descriptor = os.pidfd_open(stat.pid)
    except OSError:
        return
    try:
        now = read_stat(stat.pid)
        if now is not None and now.start_ticks == stat.start_ticks:
            pidfd_send_signal(descriptor, number)
    except (ProcessLookupError, PermissionError):
        return
    finally:
        os.close(descriptor)

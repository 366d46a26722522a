"""What commands use of the machine: memory, processor time, and whether they make progress."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from builder.io.procfs import ProcessStat, io_bytes

# Less processor time than this is what an idle runtime burns on its timers, no progress.
_IDLE_CPU_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The highest sum of resident memory that was sampled, and the processor time used."""

    peak_memory_bytes: int = 0
    cpu_s: float = 0.0


class UsageMeter:
    """Adds up what the commands of one step use; commands may run at the same moment in several threads.

    Memory is the sum of the resident sets (anonymous, shared and file-backed pages in RAM) of all processes of all
    running commands. Pages that several processes share count once in each, so the figure is never too low because of
    sharing; /proc/PID/smaps_rollup would share them out but costs milliseconds per process. Peaks shorter than the
    distance of two samples may be missed.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._resident: dict[int, int] = {}
        self._cpu: dict[int, float] = {}
        self._cpu_done_s = 0.0
        self._peak = 0

    def sample(self, leader: int, members: Sequence[ProcessStat]) -> Usage:
        """Take in what the processes of the command `leader` use now."""
        with self._lock:
            self._resident[leader] = sum(stat.resident_bytes for stat in members)
            cpu_s = sum(stat.cpu_s for stat in members)
            self._cpu[leader] = max(cpu_s, self._cpu.get(leader, 0.0))
            self._peak = max(self._peak, sum(self._resident.values()))
            return Usage(peak_memory_bytes=self._resident[leader], cpu_s=self._cpu[leader])

    def finish(self, leader: int) -> None:
        """The command `leader` has ended."""
        with self._lock:
            self._resident.pop(leader, None)
            self._cpu_done_s += self._cpu.pop(leader, 0.0)

    def usage(self) -> Usage:
        """What was used until now."""
        with self._lock:
            return Usage(peak_memory_bytes=self._peak, cpu_s=self._cpu_done_s + sum(self._cpu.values()))


class StallWatch:
    """Notices that the processes of a command do nothing.

    Progress is a byte read or written by a member (`rchar` and `wchar` of /proc/PID/io; they leave out `recv(2)`, but
    what is received is written somewhere), processor time beyond an idle runtime's, members that come and go, or a
    member in uninterruptible sleep, which waits for a disk and not for a network.
    """

    def __init__(self, now_s: float) -> None:
        self._since_s = now_s
        self._cpu_s = 0.0
        self._io: dict[int, int] = {}

    def idle_s(self, now_s: float, members: Sequence[ProcessStat]) -> float:
        """For how long there has been no progress."""
        io = {stat.pid: io_bytes(stat.pid) for stat in members}
        cpu_s = sum(stat.cpu_s for stat in members)
        waits_for_disk = any(stat.state == "D" for stat in members)
        if io != self._io or waits_for_disk or cpu_s - self._cpu_s > _IDLE_CPU_S:
            self._since_s, self._cpu_s, self._io = now_s, cpu_s, io
        return now_s - self._since_s

"""What a process has done so far, by /proc (proc(5))."""

from pathlib import Path


def written_bytes(pid: int) -> int:
    """What it has caused to be written to a block device (proc_pid_io(5)); nothing of it for files in memory."""
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return next(int(line.removeprefix("write_bytes:")) for line in lines if line.startswith("write_bytes:"))


def cpu_s(pid: int) -> float:
    """What its threads took of processors (nanoseconds, sched(5) of the kernel's documentation)."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(each.read_text().split()[0]) for each in tasks) / 1e9

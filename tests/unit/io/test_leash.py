import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from builder.io.group import ProcessGroup
from builder.io.leash import Leash
from builder.io.procfs import process_ids, read_stat

GIVE_UP_S = 30.0

OWNER = """
import subprocess, sys, time
from builder.io.leash import Leash
leash = Leash()
kept = subprocess.Popen(["sh", "-c", "trap '' TERM INT HUP; sleep 300 & sleep 300"], start_new_session=True)
freed = subprocess.Popen(["sleep", "300"], start_new_session=True)
leash.hold(kept.pid)
leash.hold(freed.pid)
leash.release(freed.pid)
print(kept.pid, freed.pid, flush=True)
time.sleep(300)
"""


def wait_until_dead(pid: int) -> None:
    deadline = time.monotonic() + GIVE_UP_S
    while (stat := read_stat(pid)) is not None and stat.is_alive:
        assert time.monotonic() < deadline, f"process {pid} lives"
        time.sleep(0.02)


def session_members(session: int) -> list[int]:
    stats = [read_stat(pid) for pid in process_ids()]
    return [stat.pid for stat in stats if stat is not None and stat.session == session and stat.is_alive]


def test_what_is_held_dies_with_its_owner() -> None:
    root = Path(__file__).parents[3]
    with subprocess.Popen([sys.executable, "-c", OWNER], cwd=root, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        kept, freed = map(int, owner.stdout.readline().split())
        assert len(session_members(kept)) >= 1
        owner.kill()
    wait_until_dead(kept)
    deadline = time.monotonic() + GIVE_UP_S
    while session_members(kept):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    stat = read_stat(freed)
    assert stat is not None
    assert stat.is_alive
    os.kill(freed, signal.SIGKILL)


MARKER = """
import os, subprocess, time
from builder.io.leash import Leash
leash = Leash()
mark = leash.mark()
first = subprocess.Popen(["setsid", "--fork", "sh", "-c", "echo $$; exec sleep 300"], pass_fds=[mark], stdout=subprocess.PIPE)
print(first.stdout.readline().decode(), flush=True)
time.sleep(300)
"""


def test_what_was_never_told_of_dies_too() -> None:
    root = Path(__file__).parents[3]
    with subprocess.Popen([sys.executable, "-c", MARKER], cwd=root, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        stray = int(owner.stdout.readline())
        stat = read_stat(stray)
        assert stat is not None
        assert stat.parent != owner.pid
        owner.kill()
    wait_until_dead(stray)


def test_a_killed_helper_is_replaced() -> None:
    with subprocess.Popen(["/bin/sleep", "300"], start_new_session=True) as child:
        leash = Leash()
        leash.hold(child.pid)
        helper = next(pid for pid in process_ids() if is_helper(pid))
        os.kill(helper, signal.SIGKILL)
        wait_until_dead(helper)
        leash.hold(2**30)  # no such session; finds out that the helper is gone
        leash.release(2**30)
        leash.close()
        assert child.wait(GIVE_UP_S) == -signal.SIGKILL


def is_helper(pid: int) -> bool:
    stat = read_stat(pid)
    if stat is None or stat.parent != os.getpid() or stat.session != pid:
        return False
    return b"sleep" not in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_a_leash_that_was_never_used_starts_nothing() -> None:
    before = process_ids()
    with Leash():
        children = [stat for pid in process_ids() - before if (stat := read_stat(pid)) and stat.parent == os.getpid()]
    assert children == []


def test_a_group_has_all_that_descends_from_its_leader(tmp_path: Path) -> None:
    # The parent of the process that left the session is gone when the group is looked at the second time.
    text = f"setsid sh -c 'echo $$ > {tmp_path}/pid; sleep 300; sleep 300' & sleep 1 & wait $!"
    with subprocess.Popen(["/bin/sh", "-c", text], start_new_session=True) as child:
        group = ProcessGroup(child.pid)
        deadline = time.monotonic() + GIVE_UP_S
        while len(group.members()) < 4:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        stray = int((tmp_path / "pid").read_text())
        assert stray in {stat.pid for stat in group.members()}
        assert group.kill()
        wait_until_dead(stray)

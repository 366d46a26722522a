"""How builds end when they are made to: Ctrl-C, kill -9, several builders at once."""

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from builder.core.errors import ExitCode, InterruptedBuildError
from builder.io.procfs import process_ids, read_stat
from builder.steps.context import StepContext
from builder.steps.step import Step, StepKind
from builder.store.collect import collect_garbage, verify
from builder.store.store import Store
from tests.integration.engine.process import ToyProcess, is_alive, pids_in, wait_until
from tests.integration.engine.toy import Toy, shell

# What the description of the toolchain promises is 2 s; the tests give up later, and print what it took.
SLACK_S = 10.0


def stubborn(pids: Path) -> str:
    """A script whose children and grandchildren ignore every polite signal; one leaves the session, one its group."""
    ignore = "trap '' TERM INT HUP;"
    return (
        f"{ignore} echo $$ > {pids}/leader.pid;"
        f'(sh -c "{ignore} echo \\$\\$ > {pids}/grandchild.pid; sleep 300; sleep 300") &'
        f'setsid sh -c "{ignore} echo \\$\\$ > {pids}/daemon.pid; sleep 300; sleep 300" &'
        f"sh -m -c \"sh -c '{ignore.replace(chr(39), chr(34))} echo \\$\\$ > {pids}/job.pid; sleep 300; sleep 300' & wait\" &"
        f" wait; sleep 300; sleep 300"
    )


@pytest.fixture
def pids(tmp_path: Path) -> Path:
    place = tmp_path / "pids"
    place.mkdir()
    return place


def start_stubborn(process: ToyProcess, pids: Path) -> list[int]:
    """Start a build of a stubborn step; the ids of its four processes."""
    process.start([{"name": "done", "text": "echo > $OUT/a"}, {"name": "stubborn", "text": stubborn(pids)}])
    wait_until(lambda: len(pids_in(pids)) == 4, "four processes started")
    wait_until(lambda: process.steps("step-finished") == ["done"], "the other step is done")
    # Long enough for the sampler to have seen them all.
    time.sleep(0.5)
    return pids_in(pids)


@pytest.mark.parametrize("to_group", [True, False], ids=["terminal", "builder alone"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_ends_children_and_grandchildren(
    cache: Path, process: ToyProcess, pids: Path, number: signal.Signals, *, to_group: bool
) -> None:
    victims = start_stubborn(process, pids)
    (os.killpg if to_group else os.kill)(process.pid, number)
    took_s = wait_until(lambda: not any(map(is_alive, victims)), "all children ended", give_up_s=SLACK_S)
    print(f"children ended after {took_s:.2f} s")  # noqa: T201
    assert process.wait() == ExitCode.INTERRUPTED
    assert list((cache / "store" / "work").iterdir()) == []
    process.start([{"name": "done", "text": "echo > $OUT/a"}])
    assert process.wait() == 0
    assert process.steps("step-started") == []


def test_kill_9_leaves_no_orphan_and_the_next_run_just_works(cache: Path, process: ToyProcess, pids: Path) -> None:
    victims = start_stubborn(process, pids)
    half_made = list((cache / "store" / "work").iterdir())
    process.kill()
    took_s = wait_until(lambda: not any(map(is_alive, victims)), "no orphan lives", give_up_s=SLACK_S)
    print(f"orphans ended after {took_s:.2f} s")  # noqa: T201
    assert len(half_made) == 1
    assert half_made[0].exists()
    # The same step again, so also the same key.
    text = stubborn(pids)
    process.start([{"name": "done", "text": "echo > $OUT/a"}, {"name": "stubborn", "text": text}])
    wait_until(lambda: "stubborn" in process.steps("step-started"), "the step runs again")
    wait_until(lambda: not half_made[0].exists(), "what the dead builder left is gone")
    process.kill()


def test_kill_9_right_at_the_start_leaves_no_orphan(process: ToyProcess, tmp_path: Path) -> None:
    for number in range(20):
        process.start([{"name": "long", "text": f": {tmp_path}; sleep 300; sleep 300; echo {number}"}])
        wait_until(lambda: process.steps("step-started") == ["long"], "the step starts")
        time.sleep(number / 1000)
        process.kill()
    wait_until(lambda: not mentioning(f": {tmp_path};"), "no orphan lives", give_up_s=SLACK_S)


def mentioning(text: str) -> list[int]:
    """The living processes with `text` in their command line."""
    return [pid for pid in process_ids() if text.encode() in command_of(pid) and is_alive(pid)]


def test_kill_9_of_the_whole_group_leaves_no_orphan(process: ToyProcess, pids: Path) -> None:
    victims = start_stubborn(process, pids)
    os.killpg(process.pid, signal.SIGKILL)
    wait_until(lambda: not any(map(is_alive, victims)), "no orphan lives", give_up_s=SLACK_S)


def test_a_killed_step_is_made_again_and_the_result_is_whole(cache: Path, process: ToyProcess, tmp_path: Path) -> None:
    flag = tmp_path / "go"
    text = f"echo half > $OUT/a; while ! [ -e {flag} ]; do sleep 0.05; done; echo whole > $OUT/a"
    process.start([{"name": "slow", "text": text}])
    wait_until(lambda: bool(list((cache / "store" / "work").glob("*/entry/output/a"))), "the output is half made")
    process.kill()
    assert list((cache / "store" / "entries").rglob("output")) == []
    flag.touch()
    process.start([{"name": "slow", "text": text}])
    assert process.wait() == 0
    assert [path.read_text() for path in (cache / "store" / "entries").glob("*/*/output/a")] == ["whole\n"]


def test_kill_9_at_any_moment_leaves_entries_whole_or_absent(cache: Path, process: ToyProcess) -> None:
    text = 'cd "$OUT"; for i in $(seq 1000); do echo $i > $i; done'
    spec = [{"name": f"s{number}", "text": f"{text}; echo {number} > x"} for number in range(8)]
    # Steps are short against their sealing and flushing, so most kills hit the making of an entry.
    for delay_s in (0.2, 0.5, 0.35, 0.8, 0.3):
        process.start(spec)
        wait_until(lambda: bool(process.lines), "the build has begun")
        time.sleep(delay_s)
        process.kill()
        store = Store(cache / "store")
        assert verify(store) == []
        store.close()
    process.start(spec)
    assert process.wait() == 0
    store = Store(cache / "store")
    assert (len(store.entries()), verify(store)) == (8, [])
    # A builder that dies between its entry's rename and its cleaning leaves the empty place; nobody makes that key again.
    assert [place for place in store.layout.work.iterdir() if (place / "entry").exists()] == []
    collect_garbage(store, now_s=time.time())
    assert list(store.layout.work.iterdir()) == []
    store.close()


def test_background_processes_end_with_their_step(toy: Toy, pids: Path) -> None:
    toy.build(shell("careless", f"sh -c 'echo $$ > {pids}/a.pid; sleep 300' & sleep 0.5; echo > $OUT/a"))
    assert len(pids_in(pids)) == 1
    assert not any(map(is_alive, pids_in(pids)))


def _transfer_for_ever(_: str, context: StepContext) -> None:
    while True:
        context.progress("download", 1, None, "bytes")
        time.sleep(0.02)


def test_a_step_in_python_ends_at_its_next_progress(toy: Toy) -> None:
    step = Step(id="python", kind=StepKind(name="python", version=1, run=_transfer_for_ever), input="x")
    threading.Timer(0.5, toy.cancel.set).start()
    with pytest.raises(InterruptedBuildError):
        toy.build(step)
    assert toy.left_behind() == []
    assert not any(thread.name == "python" for thread in threading.enumerate())


def test_a_sink_that_breaks_ends_the_build_and_its_children(cache: Path, pids: Path) -> None:
    def broken(event: object) -> None:
        if type(event).__name__ == "StepFinished":
            raise BrokenPipeError("nobody listens")

    toy = Toy(cache=cache, sink=broken)
    long = shell("long", f"echo $$ > {pids}/a.pid; sleep 300")
    with pytest.raises(BrokenPipeError, match="nobody listens"):
        toy.build(long, shell("short", f"while ! [ -s {pids}/a.pid ]; do sleep 0.05; done; echo > $OUT/a"))
    toy.close()
    assert not any(map(is_alive, pids_in(pids)))


def test_two_builders_make_each_step_once(cache: Path, tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    spec: list[dict[str, Any]] = [
        {"name": f"s{number}", "text": f"echo s{number} >> {diary}; sleep 0.4; echo > $OUT/a"} for number in range(6)
    ]
    spec.append({"name": "last", "text": f"echo last >> {diary}; sleep 0.4; echo > $OUT/a", "needs": {"a": "s0"}})
    first, second = ToyProcess(cache=cache), ToyProcess(cache=cache)
    try:
        first.start(spec)
        second.start(spec)
        assert (first.wait(), second.wait()) == (0, 0)
    finally:
        first.end()
        second.end()
    assert sorted(diary.read_text().split()) == ["last", "s0", "s1", "s2", "s3", "s4", "s5"]
    for builder, other in ((first, second), (second, first)):
        waited = set(builder.steps("step-waiting"))
        assert waited <= set(builder.steps("step-finished", cached=True)) & set(other.steps("step-started"))
    assert first.steps("step-waiting") + second.steps("step-waiting")


def test_a_waiting_builder_makes_the_step_when_the_other_one_dies(cache: Path, tmp_path: Path) -> None:
    flag = tmp_path / "go"
    spec = [{"name": "slow", "text": f"while ! [ -e {flag} ]; do sleep 0.05; done; echo > $OUT/a"}]
    first, second = ToyProcess(cache=cache), ToyProcess(cache=cache)
    try:
        first.start(spec)
        wait_until(lambda: first.steps("step-started") == ["slow"], "the first builder makes it")
        second.start(spec)
        wait_until(lambda: second.steps("step-waiting") == ["slow"], "the second builder waits")
        first.kill()
        wait_until(lambda: second.steps("step-started") == ["slow"], "the second builder makes it")
        flag.touch()
        assert second.wait() == 0
    finally:
        first.end()
        second.end()


def test_a_waiting_builder_can_be_interrupted(cache: Path, process: ToyProcess, tmp_path: Path) -> None:
    spec = [{"name": "slow", "text": f"while ! [ -e {tmp_path}/go ]; do sleep 0.05; done; echo > $OUT/a"}]
    other = ToyProcess(cache=cache).start(spec)
    try:
        wait_until(lambda: other.steps("step-started") == ["slow"], "the other builder makes it")
        process.start(spec)
        wait_until(lambda: process.steps("step-waiting") == ["slow"], "this one waits")
        os.kill(process.pid, signal.SIGINT)
        assert process.wait() == ExitCode.INTERRUPTED
    finally:
        other.end()


def test_the_helper_ends_with_the_builder(toy: Toy) -> None:
    seen: set[int] = set()
    of_others = helpers()

    def look(_: str, context: StepContext) -> None:
        context.runner.leash.hold(999_999_999)
        wait_until(lambda: helpers() > of_others, "the helper has started")
        seen.update(helpers() - of_others)
        context.runner.leash.release(999_999_999)

    toy.build(Step(id="look", kind=StepKind(name="look", version=1, run=look), input="x"))
    assert len(seen) == 1
    assert not any(map(is_alive, seen))


def helpers() -> set[int]:
    """The helpers of this process's leashes; other tests' fixtures may hold some for the whole run."""
    return {pid for pid in process_ids() if b"leash_process" in command_of(pid) and parent_of(pid) == os.getpid()}


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def parent_of(pid: int) -> int:
    stat = read_stat(pid)
    return stat.parent if stat else 0

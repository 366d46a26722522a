"""Builds that are interrupted, killed, or not alone."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from builder.core.errors import ExitCode
from tests.integration.app import checkout as files
from tests.integration.app.checkout import Checkout
from tests.integration.app.conftest import NewCache
from tests.integration.app.driver import Builder, Result, ended, processes_of, tree, wait_until
from tests.integration.app.servers import Registry, serving


@pytest.fixture
def cold(checkout: Checkout, new_cache: NewCache) -> Builder:
    """A builder that has to compile Go's standard library first, which takes a while."""
    return Builder(checkout=checkout, cache=new_cache("cold", "toolchain/go"))


@contextmanager
def compiling(builder: Builder) -> Iterator["subprocess.Popen[str]"]:
    """A build that is compiling now; every process of it has ended afterwards."""
    process = builder.start("make", "--arch", "armv7")
    try:
        wait_until(lambda: _is_compiling(builder.cache) or process.poll() is not None, "a compiler runs")
        assert process.poll() is None
        yield process
        wait_until(lambda: processes_of(builder.cache) == [], "no child is left")
    finally:
        ended(process)


def _is_compiling(cache: Path) -> bool:
    return any(b"/compile\0" in _command(pid) for pid in processes_of(cache))


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_after_kill_9_the_next_run_just_works(cold: Builder) -> None:
    with compiling(cold) as process:
        process.kill()
        assert ended(process).code == -signal.SIGKILL
    assert not cold.checkout.out.exists()
    assert cold.make("--arch", "armv7").steps() == ["edge/armv7/executable"]
    assert cold.half_made() == []
    assert sorted(path.name for path in (cold.checkout.out / "edge/armv7").iterdir()) == [
        "SHA256SUMS", "manifest.json", "tiny"
    ]  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_build_with_all_its_children(cold: Builder, number: signal.Signals) -> None:
    with compiling(cold) as process:
        process.send_signal(number)
        result = ended(process)
    _check_interrupted(cold, result, number)


@pytest.mark.parametrize("command", [("make",), ("lock", "--update")])
def test_ctrl_c_while_a_proxy_hangs(builder: Builder, checkout: Checkout, command: tuple[str, ...]) -> None:
    if command != ("make",):
        files.replace(checkout.cluster_recipe, "version: v1.0.0", "version: v1.1.0")
    before = tree(checkout.lock.parent)
    with serving(Registry(hangs=-1)) as proxy:
        process = replace(builder, extra={"GOPROXY": proxy.url}).start(*command)
        try:
            wait_until(lambda: bool(proxy.asked) or process.poll() is not None, "the proxy is asked")
            process.send_signal(signal.SIGINT)
        finally:
            result = ended(process)
    _check_interrupted(builder, result, signal.SIGINT)
    assert tree(checkout.lock.parent) == before


def _check_interrupted(builder: Builder, result: Result, number: signal.Signals) -> None:
    assert result.code == ExitCode.INTERRUPTED, result.err
    assert f"ended by {number.name}" in result.err
    assert "Traceback" not in result.err
    assert processes_of(builder.cache) == []
    assert builder.half_made() == []
    assert not builder.checkout.out.exists()


def test_two_builders_share_the_work(builder: Builder, place: Path) -> None:
    """The second one begins while the first waits for a module, so that both want to make everything."""
    told = place / "second.jsonl"
    with serving(Registry(root=builder.checkout.proxy, hangs=1)) as proxy, told.open("w") as stdout:
        asking = replace(builder, extra={"GOPROXY": proxy.url})
        first = asking.start("make", "--events", "json")
        try:
            wait_until(lambda: bool(proxy.asked) or first.poll() is not None, "the first builder asks the proxy")
            second = asking.start("make", "--events", "json", stdout=stdout)
            try:
                wait_until(lambda: "step-waiting" in told.read_text() or second.poll() is not None, "the second waits")
                proxy.released.set()
            finally:
                other = ended(second)
        finally:
            results = [ended(first), replace(other, out=told.read_text())]
    assert [result.code for result in results] == [0, 0], [result.err for result in results]
    made = [
        event["step"]
        for result in results
        for event in result.events
        if event["event"] == "step-finished" and not event["cached"]
    ]
    assert sorted(made) == ["edge/amd64/executable", "edge/armv7/executable", "edge/modules"]
    assert builder.half_made() == []
    before = tree(builder.checkout.out)
    assert builder.make().steps() == []
    assert tree(builder.checkout.out) == before

"""Builds in a container that are interrupted or killed: the container goes with them."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from builder.core.errors import ExitCode
from builder.io.files import remove_tree
from tests.integration.app.docker.conftest import USER
from tests.integration.app.docker.dockerd import Dockerd, running_dockerd
from tests.integration.app.driver import Builder, ended, processes_of, wait_until
from tests.integration.app.servers import Registry, serving

pytestmark = pytest.mark.slow


@pytest.fixture
def emptied(visitor: Builder, downloaded: dict[str, Path]) -> Builder:
    """The builder, with toolchains and nothing else in its store."""
    kept = {entry.name for entry in downloaded.values()}
    for entry in (visitor.cache / "store/entries").glob("*/*"):
        if entry.name not in kept:
            remove_tree(entry)
    remove_tree(visitor.checkout.out)
    return visitor


@contextmanager
def waiting(builder: Builder, in_docker: tuple[str, ...]) -> Iterator["subprocess.Popen[str]"]:
    """A build whose container waits for a module."""
    with serving(Registry(hangs=-1)) as proxy:
        process = replace(builder, extra={**builder.extra, "GOPROXY": proxy.url}).start("make", *in_docker)
        try:
            wait_until(lambda: bool(proxy.asked) or process.poll() is not None, "the proxy is asked")
            yield process
        finally:
            ended(process)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_container(
    emptied: Builder, in_docker: tuple[str, ...], dockerd: Dockerd, number: signal.Signals
) -> None:
    with waiting(emptied, in_docker) as process:
        assert len(dockerd.containers()) == 1
        process.send_signal(number)
        result = ended(process)
    assert result.code == ExitCode.INTERRUPTED, result.err
    assert f"ended by {number.name}" in result.err
    assert "Traceback" not in result.err
    assert (dockerd.containers(), processes_of(emptied.cache), emptied.half_made()) == ([], [], [])


def test_kill_9_ends_the_container(emptied: Builder, in_docker: tuple[str, ...], dockerd: Dockerd) -> None:
    with waiting(emptied, in_docker) as process:
        process.kill()
        assert ended(process).code == -signal.SIGKILL
        wait_until(lambda: dockerd.containers() == [], "the container is gone")
    assert (processes_of(emptied.cache), emptied.half_made()) == ([], [])


def test_a_container_that_is_killed_is_told(emptied: Builder, in_docker: tuple[str, ...], dockerd: Dockerd) -> None:
    with waiting(emptied, in_docker) as process:
        (container,) = dockerd.containers()
        dockerd.client.kill(container)
        result = ended(process)
    assert result.code == ExitCode.BUILD_FAILED, result.err
    assert "the container was killed" in result.err
    assert "when memory is short" in result.err
    assert dockerd.containers() == []


def test_a_daemon_that_dies_is_told(
    emptied: Builder, in_docker: tuple[str, ...], dockerd: Dockerd, programs: Path, tmp_path: Path
) -> None:
    *_, image = in_docker
    with running_dockerd(programs, tmp_path / "d", group=USER) as other:
        for told in other.client.load_image(dockerd.client.get_image(image)):
            assert "error" not in told
        with waiting(replace(emptied, extra={**emptied.extra, "DOCKER_HOST": other.host}), in_docker) as process:
            other.process.kill()  # and with it all that it started
            result = ended(process)
    assert result.code in (ExitCode.BUILD_FAILED, ExitCode.MISSING_TOOL), result.err
    assert "Docker daemon" in result.err
    assert "Traceback" not in result.err

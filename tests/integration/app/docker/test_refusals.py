"""What a Docker daemon that cannot be used means for people."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from threading import Thread
from typing import ClassVar

import pytest

from builder.core.arch import host_arch
from builder.core.errors import ExitCode
from tests.integration.app.checkout import REPOSITORY
from tests.integration.app.docker.conftest import AS_USER
from tests.integration.app.docker.dockerd import Dockerd, running_dockerd
from tests.integration.app.driver import Builder, Result

NOWHERE = "sha256:" + "0" * 64


OLD = {"Version": "17.09.0-ce", "ApiVersion": "1.32", "MinAPIVersion": "1.12"}
# What a rootless daemon says of itself and of its version, in one.
ROOTLESS = {
    "Version": "28.0.0",
    "ApiVersion": "1.48",
    "SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"],
}


class Answers(BaseHTTPRequestHandler):
    """Answers with `told`, whatever it is asked."""

    told: ClassVar[Mapping[str, object]]

    def do_GET(self) -> None:
        body = json.dumps(self.told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass

    def address_string(self) -> str:
        return "a socket"


@contextmanager
def answering(socket: Path, told: Mapping[str, object] = OLD) -> Iterator[str]:
    """A daemon at a real socket that says `told`; its address."""
    with ThreadingUnixStreamServer(str(socket), type("Told", (Answers,), {"told": told})) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"unix://{socket}"
        finally:
            server.shutdown()
            thread.join()


def make(builder: Builder, host: str, *options: str) -> Result:
    asking = replace(builder, extra={**builder.extra, "DOCKER_HOST": host})
    return asking.run("make", "--executor", "docker", "--executor-image", NOWHERE, *options)


def test_no_daemon(builder: Builder) -> None:
    done = make(builder, "unix:///nonexistent/docker.sock")
    assert done.code == ExitCode.MISSING_TOOL, done.err
    assert "no Docker daemon answers at unix:///nonexistent/docker.sock: No such file or directory" in done.err
    assert "systemctl start docker" in done.err
    assert "--executor local" in done.err


def test_a_socket_that_nobody_listens_at(builder: Builder, tmp_path: Path) -> None:
    with answering(tmp_path / "docker.sock") as host:
        pass
    done = make(builder, host)
    assert (done.code, "Connection refused" in done.err) == (ExitCode.MISSING_TOOL, True), done.err


def test_a_daemon_elsewhere(builder: Builder) -> None:
    done = make(builder, "tcp://127.0.0.1:9")
    assert done.code == ExitCode.MISSING_TOOL
    assert "shares directories with this machine" in done.err


def test_a_daemon_that_is_too_old(builder: Builder, tmp_path: Path) -> None:
    with answering(tmp_path / "docker.sock") as host:
        done = make(builder, host)
    assert done.code == ExitCode.MISSING_TOOL, done.err
    assert "the Docker daemon is too old: it is 17.09.0-ce and speaks API 1.32, and 1.41 is needed" in done.err
    assert "install Docker 20.10 or newer" in done.err


def test_a_daemon_without_root(builder: Builder, tmp_path: Path) -> None:
    with answering(tmp_path / "docker.sock", ROOTLESS) as host:
        done = make(builder, host)
    assert (done.code, "is a rootless one" in done.err) == (ExitCode.MISSING_TOOL, True), done.err


def test_a_socket_of_others(builder: Builder, user_place: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("to be another user takes root")
    with answering(user_place / "theirs.sock") as host:
        Path(host.removeprefix("unix://")).chmod(0o660)
        done = make(replace(builder, wrapper=AS_USER), host)
    assert done.code == ExitCode.MISSING_TOOL, done.err
    assert "Permission denied" in done.err
    assert "usermod -aG docker" in done.err


def test_an_image_that_is_not_pinned(builder: Builder) -> None:
    done = make(builder, "unix:///nonexistent/docker.sock", "--executor-image", "debian:13")
    assert done.code == ExitCode.USAGE
    assert "the image debian:13 is not pinned" in done.err


@pytest.mark.slow
def test_an_image_that_is_not_there(visitor: Builder, dockerd: Dockerd) -> None:
    done = make(visitor, dockerd.host)
    assert done.code == ExitCode.MISSING_TOOL, done.err
    assert f"the Docker daemon has no image {NOWHERE}" in done.err
    assert "docker pull" in done.err


@pytest.mark.slow
def test_a_daemon_without_room(programs: Path, dockerd: Dockerd, tmp_path: Path) -> None:
    """The default image, by this checkout, for a daemon with 24 MB."""
    assert dockerd.containers() == []  # this machine can run one
    data = tmp_path / "d/data"
    data.mkdir(parents=True)
    subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(data)], check=True)
    try:
        with running_dockerd(programs, tmp_path / "d", group=0) as small:
            argv = [
                sys.executable,
                "-P",
                "-m",
                "builder",
                "make",
                "executor",
                "--arch",
                host_arch(),
                "--executor",
                "docker",
            ]
            environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "DOCKER_HOST": small.host}
            done = subprocess.run(argv, cwd=REPOSITORY, env=environment, check=False, capture_output=True, text=True)
    finally:
        subprocess.run(["/bin/umount", str(data)], check=True)
    assert done.returncode == ExitCode.BUILD_FAILED, done.stderr
    assert "no space left on device" in done.stderr
    assert "docker system prune" in done.stderr

"""One command in one container, which ends and goes with the process that started it."""

import os
import select
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
from docker.errors import APIError, NotFound
from docker.types import LogConfig, Mount
from docker.utils.socket import STDOUT, SocketError, next_frame_header, read_exactly

from builder.core.errors import BuilderError
from builder.io.cancel import CancelToken

if TYPE_CHECKING:
    from docker._types import WaitContainerResponse

# For people who look at what runs.
LABEL = "builder.executor"
_POLL_S = 0.2
# What a builder takes to end its own children, and some.
_PATIENCE_S = 10.0
_KILLED = 137
# The first process of the container: it passes on a request to end, and ends the command when its own standard input ends, which
# is a connection to the builder outside. Daemons close it when that one dies, however it dies.
_TIE = """\
exec 3<&0 </dev/null
"$@" 3<&- & child=$!
trap 'kill -TERM $child' TERM
{ cat <&3 >/dev/null; kill -TERM $child; } 2>/dev/null & tie=$!
code=0; wait $child || code=$?
while kill -0 $child 2>/dev/null; do code=0; wait $child || code=$?; done
kill -KILL $tie 2>/dev/null
exit $code
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A path of this machine that the container has at the same place."""

    path: Path
    writable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The command `argv` in the image with the id `image`, in `cwd`, as this user, without any privilege.

    All that it sees of this machine is what it `shares`; its own root file system is read-only. It has this machine's
    network, or none.
    """

    image: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    cwd: Path
    shares: Sequence[Share]
    network: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Who hears what the command says: pieces of its standard output, and of its standard error."""

    out: Callable[[bytes], None]
    err: Callable[[bytes], None]


def run_job(client: docker.APIClient, job: Job, listener: Listener, cancel: CancelToken) -> int:
    """Run `job`, and pass on what it says; its exit status. When this returns or raises the container is gone."""
    container = _create(client, job)
    try:
        parameters = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        connection = client.attach_socket(container, params=parameters)
        try:
            with ThreadPoolExecutor(1) as waiter:
                ended = waiter.submit(client.wait, container, condition="removed")
                try:
                    client.start(container)
                    _Stream(client, container, connection, cancel).pass_on(listener)
                except BaseException:
                    _remove(client, container)
                    raise
                return _status(ended, cancel)
        finally:
            connection.close()
    finally:
        _remove(client, container)


def _create(client: docker.APIClient, job: Job) -> str:
    """Its id."""
    mounts = [
        Mount(target=str(one.path), source=str(one.path), type="bind", read_only=not one.writable) for one in job.shares
    ]
    host = client.create_host_config(
        auto_remove=True,
        cap_drop=["ALL"],
        group_add=[str(group) for group in os.getgroups()],
        # Nothing of what it says is kept by the daemon.
        log_config=LogConfig(type="none"),
        mounts=mounts,
        network_mode="host" if job.network else "none",
        read_only=True,
        security_opt=["no-new-privileges"],
        # A daemon that gives containers other user ids leaves this one the user's own.
        userns_mode="host",
        tmpfs={"/tmp": "exec,mode=1777"},  # noqa: S108 - the container's own
    )
    made = client.create_container(
        image=job.image,
        entrypoint=["/bin/sh", "-c", _TIE, "sh"],
        command=list(job.argv),
        environment=dict(job.environment),
        working_dir=str(job.cwd),
        user=f"{os.geteuid()}:{os.getegid()}",
        host_config=host,
        labels={LABEL: str(os.getpid())},
        stdin_open=True,
        use_config_proxy=False,
    )
    return str(made["Id"])


class _Stream:
    """What a container says, until its end; a request to end is passed on to it."""

    def __init__(self, client: docker.APIClient, container: str, connection: Any, cancel: CancelToken) -> None:  # noqa: ANN401
        self._client = client
        self._container = container
        self._connection = connection
        self._cancel = cancel
        self._kill_at_s: float | None = None

    def pass_on(self, listener: Listener) -> None:
        """Pass on everything."""
        for stream, piece in self._frames():
            (listener.out if stream == STDOUT else listener.err)(piece)

    def _frames(self) -> Iterator[tuple[int, bytes]]:
        while True:
            self._look_at_cancel()
            if not select.select([self._connection], [], [], _POLL_S)[0]:
                continue
            try:
                stream, size_bytes = next_frame_header(self._connection)
                piece = read_exactly(self._connection, max(size_bytes, 0))
            except (OSError, SocketError) as error:
                raise BuilderError(
                    f"the connection to the Docker daemon broke: {error}", hint="does it still run?"
                ) from None
            if size_bytes < 0:
                return
            yield stream, piece

    def _look_at_cancel(self) -> None:
        if not self._cancel.is_set():
            return
        now_s = time.monotonic()
        if self._kill_at_s is None:
            self._kill_at_s = now_s + _PATIENCE_S
            self._signal("SIGTERM")
        elif now_s > self._kill_at_s:
            self._signal("SIGKILL")

    def _signal(self, name: str) -> None:
        with suppress(APIError):  # it has just ended
            self._client.kill(self._container, name)


def _status(ended: "Future[WaitContainerResponse]", cancel: CancelToken) -> int:
    code = int(ended.result()["StatusCode"])
    if code == _KILLED and not cancel.is_set():
        raise BuilderError(
            "the container was killed",
            hint="the kernel ends processes so when memory is short, and 'docker kill' does; what was finished is kept",
        )
    return code


def _remove(client: docker.APIClient, container: str) -> None:
    """Remove what may be removed already, or is being removed (409)."""
    with suppress(NotFound, APIError):
        client.remove_container(container, force=True)

"""The Docker daemon of this machine, and what its refusals mean for people."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

import docker
import requests
from docker.errors import APIError, DockerException
from docker.utils import version_lt

from builder.core.errors import BuilderError, MissingToolError

_DEFAULT_HOST = "unix:///var/run/docker.sock"
# Docker 20.10, the oldest that Debian and Ubuntu still carry.
_OLDEST_API = "1.41"
_TIMEOUT_S = 600
_LOCAL = "without one, '--executor local' builds the same on this machine itself"


@contextmanager
def connected(environment: Mapping[str, str]) -> Iterator[docker.APIClient]:
    """The daemon that the user of `environment` reaches, by DOCKER_HOST or where it listens by default.

    Whatever goes wrong with it while the block runs becomes a `BuilderError` that says what to do.
    """
    host = environment.get("DOCKER_HOST") or _DEFAULT_HOST
    if urlsplit(host).scheme != "unix":
        raise MissingToolError(
            f"DOCKER_HOST is {host}: the container shares directories with this machine, which another one does not have",
            hint=f"let DOCKER_HOST name the socket of a daemon of this machine, unix://...; {_LOCAL}",
        )
    with _explained(host):
        client = _Client(base_url=host, version=None, timeout=_TIMEOUT_S)
        try:
            if any("rootless" in one for one in client.info().get("SecurityOptions") or ()):
                raise MissingToolError(
                    f"the Docker daemon at {host} is a rootless one, whose containers have other user ids than this machine",
                    hint=f"let DOCKER_HOST name the socket of the machine's own daemon; {_LOCAL}",
                )
            yield client
        finally:
            client.close()


class _Client(docker.APIClient):
    """A client that tells by which version of its interface a daemon is too old."""

    def _retrieve_server_version(self) -> str:
        told = self.version(api_version=False)
        version = str(told.get("ApiVersion", "0"))
        if version_lt(version, _OLDEST_API):
            raise MissingToolError(
                f"the Docker daemon is too old: it is {told.get('Version', 'of no version')} and speaks API {version}, "
                f"and {_OLDEST_API} is needed",
                hint=f"install Docker 20.10 or newer; {_LOCAL}",
            )
        return version


@contextmanager
def _explained(host: str) -> Iterator[None]:
    try:
        yield
    except APIError as error:
        raise refusal(str(error.explanation or error)) from None
    except (DockerException, requests.RequestException) as error:
        raise _absence(host, error) from None


def refusal(said: str) -> BuilderError:
    """What to raise where a daemon that was reached `said` that something cannot be."""
    hint = "the daemon's log says more: journalctl -u docker"
    if "no space left" in said:
        hint = "make room where the daemon keeps its data ('docker info' names it): docker system prune"
    return BuilderError(f"the Docker daemon refuses: {said}", hint=hint)


def _absence(host: str, error: Exception) -> MissingToolError:
    """What keeps the daemon from being reached: its cause lies deep in what three libraries made of it."""
    cause = next((one for one in _causes(error) if isinstance(one, OSError) and one.strerror), None)
    hint = f"start it ('systemctl start docker'), or let DOCKER_HOST name its socket; {_LOCAL}"
    if isinstance(cause, PermissionError):
        hint = f"join the group that owns it ('usermod -aG docker YOU', then log in again); {_LOCAL}"
    return MissingToolError(f"no Docker daemon answers at {host}: {cause.strerror if cause else error}", hint=hint)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and all that led to it; urllib3 and requests keep theirs among their arguments too."""
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if one is None or one in seen:
            continue
        seen.append(one)
        yield one
        waiting += [one.__cause__, one.__context__, *(arg for arg in one.args if isinstance(arg, BaseException))]

"""Images of a Docker daemon, by the one request of its API that is needed (Docker Engine API: ImageGet).

httpx speaks to sockets as well as the docker package does, which would bring a second HTTP client along.
"""

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from builder.core.errors import BuilderError
from builder.io.files import CHUNK_BYTES

_DEFAULT_HOST = "unix:///var/run/docker.sock"
_SAVE_HINT = "or run 'docker save IMAGE -o FILE', and name the file as archive"
# A daemon reads a whole image before its first byte.
_TIMEOUT_S = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """The daemon that the user of `environment` reaches: DOCKER_HOST, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH."""

    environment: Mapping[str, str]

    def save(self, reference: str, target: Path, progress: Callable[[int], None] = lambda _: None) -> None:
        """Write what `docker save` gives of the image `reference` to the new file `target`; `progress` hears of the bytes."""
        try:
            with self._client() as client, client.stream("GET", f"/images/{reference}/get") as answer:
                self._require_good(answer, reference)
                with target.open("xb") as stream:
                    for piece in answer.iter_bytes(CHUNK_BYTES):
                        stream.write(piece)
                        progress(stream.tell())
        except httpx.HTTPError as error:
            raise self._absent(str(error)) from None

    def _require_good(self, answer: httpx.Response, reference: str) -> None:
        if answer.is_success:
            return
        answer.read()
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise BuilderError(
                f"the Docker daemon has no image {reference}",
                hint="'docker images' lists what it has; pull or build it",
            )
        raise BuilderError(f"the Docker daemon refuses {reference}: {answer.status_code} {answer.text.strip()[:200]}")

    @contextmanager
    def _client(self) -> Iterator[httpx.Client]:
        place = urlsplit(self._host)
        if place.scheme == "unix":
            if not Path(place.path).is_socket():
                raise self._absent("there is no such socket")
            transport, address = httpx.HTTPTransport(uds=place.path), "http://docker"
        elif place.scheme == "tcp" and place.netloc:
            secure = bool(self.environment.get("DOCKER_TLS_VERIFY"))
            transport = httpx.HTTPTransport(verify=self._certificates() if secure else True)
            address = f"{'https' if secure else 'http'}://{place.netloc}"
        else:
            raise BuilderError(
                f"DOCKER_HOST is {self._host}, which is neither unix:// nor tcp://",
                hint=f"forward the daemon's socket to this machine; {_SAVE_HINT}",
            )
        with httpx.Client(transport=transport, base_url=address, timeout=_TIMEOUT_S) as client:
            yield client

    def _absent(self, reason: str) -> BuilderError:
        return BuilderError(
            f"no Docker daemon answers at {self._host}: {reason}",
            hint=f"start it, or set DOCKER_HOST; {_SAVE_HINT}",
        )

    def _certificates(self) -> ssl.SSLContext:
        home = self.environment.get("HOME", "/nonexistent")
        directory = Path(self.environment.get("DOCKER_CERT_PATH") or Path(home, ".docker"))
        try:
            context = ssl.create_default_context(cafile=directory / "ca.pem")
            context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
        except OSError as error:
            raise BuilderError(
                f"the certificates for the Docker daemon cannot be read: {directory}: {error.strerror}",
                hint="DOCKER_CERT_PATH names the directory with ca.pem, cert.pem and key.pem",
            ) from None
        return context

    @property
    def _host(self) -> str:
        return self.environment.get("DOCKER_HOST") or _DEFAULT_HOST

"""What registries have: manifests and blobs, verified, retried and resumed."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import httpx

from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.debian.connection import open_client
from builder.debian.download import Downloader, Expected
from builder.debian.kept import KeptFiles
from builder.io.spawn import Runner
from builder.oci.documents import DOCKER_INDEX, DOCKER_MANIFEST, INDEX, MANIFEST, Blob
from builder.oci.reference import Reference
from builder.oci.registry.addresses import address_of
from builder.oci.registry.auth import RegistryAuth
from builder.oci.registry.credentials import Credentials
from builder.oci.registry.push import Pusher

_ACCEPTED = f"{INDEX}, {MANIFEST}, {DOCKER_INDEX}, {DOCKER_MANIFEST}, */*"
_MOST_MANIFEST_BYTES = 8 << 20
# Docker's and podman's directories of certificates, each with one directory for a server (HOST or HOST:PORT).
_CERTIFICATES = ("/etc/docker/certs.d", "/etc/containers/certs.d")
_USER_CERTIFICATES = (".config/containers/certs.d", ".docker/certs.d")
ATTEMPTS = 4
_HINTS = {
    "401": "log in: docker login {host}; or name a credential helper in Docker's configuration",
    "403": "the registry knows you, and refuses this: ask who runs it",
    "404": "is the name right? Where it was there before, its tag may have moved and the registry have dropped what the lock"
    " pins: builder lock --update --only images",
    "429": "the registry limits how often it is asked: log in, or try later",
    "certificate": "where the registry has an authority of its own, put its certificate into ~/.docker/certs.d/{host}/ca.crt",
}
_HINT = "the reason stands above; what arrived is kept, and the next run goes on from there"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Who fetches: `runner` starts credential helpers, `pause(seconds)` waits, `progress(bytes)` is told what has arrived."""

    runner: Runner
    pause: Callable[[float], None]
    progress: Callable[[int], None] = lambda _: None


@dataclass(slots=True, kw_only=True)
class Registries:
    """All registries, as the user of `environment` reaches them; connections and tokens are kept until `close`.

    Threads may share it. A transfer without a byte for `stall_s` is ended. With `kept` there is no network: it answers.
    """

    environment: Mapping[str, str]
    stall_s: float
    kept: KeptFiles | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _client: httpx.Client | None = None
    _auths: dict[str, RegistryAuth] = field(default_factory=dict)

    def fetch_manifest(self, reference: Reference, target: Path, work: Work) -> Digest:
        """Write the manifest or index that `reference` means to `target`; its digest, that of the reference where it has one."""
        expected = Expected(size_bytes=_MOST_MANIFEST_BYTES, check=_checked(reference.digest))
        self._fetch(reference, f"manifests/{reference.digest or reference.tag}", target, expected, work)
        return Digest.of_file(target)

    def fetch_blob(
        self, reference: Reference, blob: Blob, target: Path, work: Work, *, beginning: Path | None = None
    ) -> None:
        """Write `blob` of the repository of `reference` to `target`; what an ended transfer left in `beginning` is resumed."""
        expected = Expected(size_bytes=blob.size_bytes, digest=blob.digest)
        self._fetch(reference, f"blobs/{blob.digest}", target, expected, work, beginning=beginning)

    def find_manifest(self, reference: Reference, work: Work) -> bytes | None:
        """The manifest that `reference` means, None where the registry has none; `BuilderError` where it does not say.

        It is asked once: who looks for something that need not be there does not wait for a registry to get well.
        """
        address = address_of(reference, f"manifests/{reference.digest or reference.tag}")
        try:
            with self._opened().stream("GET", address, auth=self._auth(reference, work.runner)) as answer:
                if answer.status_code == HTTPStatus.NOT_FOUND:
                    return None
                data = b""
                for chunk in answer.iter_raw():
                    work.progress(len(chunk))
                    data += chunk
                    if len(data) > _MOST_MANIFEST_BYTES:
                        raise BuilderError(f"{reference}: the registry answers with more than a manifest can be")
                if answer.status_code != HTTPStatus.OK:
                    raise BuilderError(f"{reference}: the answer is {answer.status_code} {answer.reason_phrase}")
        except httpx.TransportError as error:
            raise BuilderError(f"{reference.host}: {str(error) or type(error).__name__}") from None
        return data

    def pusher(self, reference: Reference, work: Work) -> Pusher:
        """What writes to the repository of `reference`."""
        return Pusher(
            client=self._opened(),
            auth=self._auth(reference, work.runner, actions="pull,push"),
            reference=reference,
            pause=work.pause,
            progress=work.progress,
        )

    def close(self) -> None:
        """Close connections, if there are any."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _fetch(  # noqa: PLR0913 - what `Downloader.fetch` takes, and of which repository
        self,
        reference: Reference,
        what: str,
        target: Path,
        expected: Expected,
        work: Work,
        *,
        beginning: Path | None = None,
    ) -> None:
        downloader = Downloader(
            client=self._opened(),
            attempts=ATTEMPTS,
            pause=work.pause,
            progress=work.progress,
            advice=_HINT,
            auth=self._auth(reference, work.runner),
        )
        try:
            downloader.fetch([address_of(reference, what)], target, expected, beginning=beginning)
        except BuilderError as error:
            said = "\n".join((error.brief, *error.details))
            hint = next((text.format(host=reference.host) for word, text in _HINTS.items() if word in said), error.hint)
            raise type(error)(f"{reference} cannot be pulled", details=_told(error), hint=hint) from None

    def _opened(self) -> httpx.Client:
        with self._lock:
            if self._client is None:
                self._client = open_client(
                    self.environment, stall_s=self.stall_s, kept=self.kept, authorities=self._authorities
                )
                self._client.headers["Accept"] = _ACCEPTED
            return self._client

    def _auth(self, reference: Reference, runner: Runner, *, actions: str = "pull") -> RegistryAuth:
        key = f"{reference.repository} {actions}"
        with self._lock:
            if key not in self._auths:
                login = Credentials(environment=self.environment).of(reference.host, reference.path, runner)
                scope = f"repository:{reference.path}:{actions}"
                self._auths[key] = RegistryAuth(reference.host, scope, login)
            return self._auths[key]

    def _authorities(self, server: str) -> Sequence[Path]:
        home = self.environment.get("HOME")
        places = [*_CERTIFICATES, *(f"{home}/{place}" for place in _USER_CERTIFICATES if home)]
        return sorted(path for place in places for path in Path(place, server).glob("*.crt"))


def _told(error: BuilderError) -> Sequence[str]:
    """What an error says beside that a file cannot be had."""
    return error.details or (error.brief,)


def _checked(digest: Digest | None) -> Callable[[Path], object]:
    def check(file: Path) -> None:
        found = Digest.of_file(file)
        if digest and found != digest:
            raise BuilderError(f"it is {found} instead of {digest}")

    return check

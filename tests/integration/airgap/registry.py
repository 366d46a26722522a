"""Debian's docker-registry on loopback, with TLS of an authority of its own, and a login."""

import base64
import http.client
import json
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from builder.io.spawn import Runner
from builder.oci.documents import LAYOUT
from builder.toolchain.tree import ToolsTree
from tests.integration.components.pki import Authority
from tests.integration.components.ports import LOOPBACK, free_ports
from tests.integration.components.process import running, wait_for

USER, PASSWORD = "builder", "a long secret"
# bcrypt of the password; the registry takes nothing else.
HASHED = "$2b$04$pAI/17UXFBHxypAJw8hIdOBUDXOul4gMBs9jFBxpAqUNfzoErPJBC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """A running registry: its `host` with the port, and the certificate of its authority."""

    host: str
    authority: Path
    directory: Path

    def home(self, directory: Path, *, password: str = PASSWORD) -> Path:
        """A home directory whose owner trusts the registry and has a login."""
        docker = directory / ".docker"
        (docker / "certs.d" / self.host).mkdir(parents=True)
        (docker / "certs.d" / self.host / "ca.crt").write_bytes(self.authority.read_bytes())
        login = base64.b64encode(f"{USER}:{password}".encode()).decode()
        (docker / "config.json").write_text(json.dumps({"auths": {self.host: {"auth": login}}}))
        return directory

    def digest_of(self, path: str, tag: str, accept: str) -> str:
        """What the registry itself says that a tag's digest is."""
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        context = ssl.create_default_context(cafile=self.authority)
        headers = {"Authorization": f"Basic {login}", "Accept": accept}
        with closing(http.client.HTTPSConnection(self.host, context=context, timeout=30)) as connection:
            connection.request("HEAD", f"/v2/{path}/manifests/{tag}", headers=headers)
            return connection.getresponse().headers["Docker-Content-Digest"]


@contextmanager
def running_registry(tree: ToolsTree, directory: Path) -> Iterator[Registry]:
    """A registry that keeps everything in `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    authority = Authority(directory)
    server = authority.issue("registry")
    (port,) = free_ports(1)
    (directory / "htpasswd").write_text(f"{USER}:{HASHED}\n")
    config = {
        "version": 0.1,
        "log": {"level": "info"},
        "storage": {"filesystem": {"rootdirectory": f"{directory}/data"}, "delete": {"enabled": True}},
        "auth": {"htpasswd": {"realm": "test", "path": f"{directory}/htpasswd"}},
        "http": {
            "addr": f"{LOOPBACK}:{port}",
            "tls": {"certificate": str(server.certificate), "key": str(server.key)},
        },
    }
    (directory / "config.json").write_text(json.dumps(config))
    argv, environment = tree.start("docker-registry")
    command = (*argv, "serve", f"{directory}/config.json")
    with running(command, name="registry", directory=directory, environment=environment) as daemon:
        wait_for(daemon, lambda: "listening on" in daemon.log.read_text(), what="listening")
        yield Registry(host=f"{LOOPBACK}:{port}", authority=authority.certificate, directory=directory)


@dataclass(frozen=True, slots=True, kw_only=True)
class Skopeo:
    """Debian's skopeo, with everything that it writes in `directory`."""

    tree: ToolsTree
    runner: Runner
    directory: Path

    def run(self, *arguments: str | Path) -> str:
        (self.directory / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        scratch = self.directory / "scratch"
        scratch.mkdir(exist_ok=True)
        environment = {name: str(scratch) for name in ("HOME", "TMPDIR", "XDG_RUNTIME_DIR")}
        options = ("--policy", f"{self.directory}/policy.json", "--tmpdir", scratch)
        return self.runner.capture(self.tree.command("skopeo", *options, *arguments, env=environment))

    def push(self, source: str, registry: Registry, target: str) -> None:
        """Copy `source` as it is to the repository and tag `target`."""
        self.run(
            *("copy", "--all", "--preserve-digests", "--dest-creds", f"{USER}:{PASSWORD}"),
            *("--dest-cert-dir", self._certificates(registry), source, f"docker://{registry.host}/{target}"),
        )

    def pull(self, registry: Registry, source: str, target: str) -> None:
        """Copy a repository and tag as it is."""
        self.run(
            *("copy", "--all", "--preserve-digests", "--src-creds", f"{USER}:{PASSWORD}"),
            *("--src-cert-dir", self._certificates(registry), f"docker://{registry.host}/{source}", target),
        )

    def _certificates(self, registry: Registry) -> Path:
        place = self.directory / "certificates"
        place.mkdir(exist_ok=True)
        (place / "ca.crt").write_bytes(registry.authority.read_bytes())
        return place


def write_layout(directory: Path, index: bytes, blobs: dict[str, bytes]) -> None:
    """An image layout as a directory."""
    (directory / "blobs/sha256").mkdir(parents=True)
    (directory / "oci-layout").write_bytes(LAYOUT)
    (directory / "index.json").write_bytes(index)
    for digest, data in blobs.items():
        (directory / "blobs" / digest.replace(":", "/")).write_bytes(data)

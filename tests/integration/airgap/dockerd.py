"""Debian's Docker daemon, which needs root; it starts no container and sets up no network."""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from builder.core.arch import Arch
from builder.core.digest import Digest
from builder.oci.platform import Platform
from builder.toolchain.tree import ToolsTree
from tests.integration.components.process import running, wait_for

_CONTAINERD = """\
version = 2
root = "{0}/containerd"
state = "{0}/containerd-state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{0}/containerd.sock"
[ttrpc]
address = "{0}/containerd.sock.ttrpc"
[plugins."io.containerd.internal.v1.opt"]
path = "{0}/opt"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dockerd:
    """A running daemon that listens on `socket`."""

    socket: Path

    @property
    def host(self) -> str:
        """As DOCKER_HOST has it."""
        return f"unix://{self.socket}"

    def load(self, reference: str, arch: Arch, files: Mapping[str, bytes]) -> Digest:
        """Give it an image of one layer with `files`; the digest of its config."""
        layer = _archive(files)
        platform = Platform.of(arch).fields
        diff_id = f"sha256:{hashlib.sha256(layer).hexdigest()}"
        config = json.dumps({**platform, "config": {}, "rootfs": {"type": "layers", "diff_ids": [diff_id]}}).encode()
        digest = Digest.of_bytes(config)
        listed = [{"Config": f"{digest.hex}.json", "RepoTags": [reference], "Layers": ["layer.tar"]}]
        members = {f"{digest.hex}.json": config, "layer.tar": layer, "manifest.json": json.dumps(listed).encode()}
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(self.socket)), timeout=60) as client:
            answer = client.post("http://docker/images/load", content=_archive(members))
        assert answer.is_success, answer.text
        assert "Loaded image" in answer.text, answer.text
        return digest


def _archive(files: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o755
            tar.addfile(member, io.BytesIO(data))
    return target.getvalue()


@contextmanager
def running_dockerd(tree: ToolsTree, directory: Path) -> Iterator[Dockerd]:
    """A daemon that keeps everything in `directory`."""
    directory.mkdir()
    (directory / "containerd.toml").write_text(_CONTAINERD.format(directory))
    containerd, environment = tree.start("containerd")
    socket = directory / "containerd.sock"
    command = (*containerd, f"--config={directory}/containerd.toml")
    with running(command, name="containerd", directory=directory, environment=environment) as below:
        wait_for(below, socket.exists, what="listening")
        dockerd, environment = tree.start("dockerd")
        places = {"data-root": "data", "exec-root": "exec", "pidfile": "pid", "containerd": "containerd.sock"}
        command = (
            # It mounts its directory onto itself, and leaves that behind when it is killed.
            *("unshare", "--mount"),
            *dockerd,
            *(f"--{option}={directory}/{name}" for option, name in places.items()),
            *(f"--host=unix://{directory}/docker.sock", "--storage-driver=vfs", "--bridge=none"),
            *("--iptables=false", "--ip6tables=false", "--userland-proxy=false"),
        )
        # It looks for runc, which it will not start, and for programs of this machine.
        path = f"{tree.root}/usr/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
        settings = {**environment, "PATH": path}
        with running(command, name="dockerd", directory=directory, environment=settings) as daemon:
            wait_for(daemon, lambda: "API listen on" in daemon.log.read_text(), what="listening")
            yield Dockerd(socket=directory / "docker.sock")

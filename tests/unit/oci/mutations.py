"""Ways in which a bundle can be bad, with words of what is told: the builder and kedge refuse each."""

import io
import json
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from builder.core.arch import ARCH_FACTS, Arch
from builder.core.digest import Digest, canonical_json
from builder.oci.documents import blob_path

REFERENCE = "registry.example.com/app:1"


def elf(arch: Arch) -> bytes:
    """The header of a static executable, as much as tells its machine."""
    wide = arch is not Arch.ARMV7
    flags = 0x05000000 if arch is Arch.ARMV7 else 0
    identification = b"\x7fELF" + bytes([2 if wide else 1, 1, 1]) + bytes(9)
    machine = ARCH_FACTS[arch].elf_machine
    words = 8 if wide else 4
    head = identification + (2).to_bytes(2, "little") + machine.to_bytes(2, "little") + (1).to_bytes(4, "little")
    return head + bytes(3 * words) + flags.to_bytes(4, "little") + bytes(64)


@dataclass
class Members:
    """The members of a bundle, to be changed; `index` and what it leads to can be rewritten with new digests."""

    files: dict[str, bytes]
    more: list[tarfile.TarInfo] = field(default_factory=list)

    @property
    def index(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.files["index.json"])
        return value

    @property
    def manifest(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.files[blob_path(self.index["manifests"][0]["digest"])])
        return value

    @property
    def config(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.files[blob_path(self.manifest["config"]["digest"])])
        return value

    def set_index(self, index: Mapping[str, Any]) -> None:
        self.files["index.json"] = canonical_json(index)

    def set_manifest(self, manifest: Mapping[str, Any]) -> None:
        index = self.index
        entry = index["manifests"][0]
        del self.files[blob_path(entry["digest"])]
        entry |= self._put(canonical_json(manifest))
        self.set_index(index)

    def set_config(self, config: Mapping[str, Any]) -> None:
        manifest = self.manifest
        del self.files[blob_path(manifest["config"]["digest"])]
        manifest["config"] |= self._put(canonical_json(config))
        self.set_manifest(manifest)

    def set_layer(self, data: bytes, diff_id: str) -> None:
        manifest, config = self.manifest, self.config
        del self.files[blob_path(manifest["layers"][0]["digest"])]
        manifest["layers"][0] |= self._put(data)
        self.set_manifest(manifest)
        config["rootfs"]["diff_ids"][0] = diff_id
        self.set_config(config)

    def write(self, path: Path) -> None:
        with tarfile.open(path, "w") as tar:
            for name, data in self.files.items():
                member = tarfile.TarInfo(name)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
            for member in self.more:
                tar.addfile(member)

    def _put(self, data: bytes) -> dict[str, Any]:
        digest = Digest.of_bytes(data)
        self.files[blob_path(digest)] = data
        return {"digest": digest, "size": len(data)}


def read(bundle: Path) -> Members:
    with tarfile.open(bundle, "r:") as tar:
        return Members({one.name: stream.read() for one in tar if (stream := tar.extractfile(one))})


def hostile(name: str, kind: bytes = tarfile.REGTYPE) -> Callable[[Members], None]:
    def change(members: Members) -> None:
        member = tarfile.TarInfo(name)
        member.type = kind
        member.linkname = "/etc/passwd"
        members.more.append(member)

    return change


def flip(members: Members) -> None:
    digest = members.manifest["layers"][1]["digest"]
    data = bytearray(members.files[blob_path(digest)])
    data[-1] ^= 1
    members.files[blob_path(digest)] = bytes(data)


def wrong_platform(members: Members) -> None:
    members.set_config({**members.config, "architecture": "riscv64", "variant": ""})


def wrong_variant(members: Members) -> None:
    index = members.index
    index["manifests"][0]["platform"]["variant"] = "v6"
    members.set_index(index)


def foreign_program(members: Members) -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        member = tarfile.TarInfo("bin/app")
        member.mode, member.size = 0o755, len(elf(Arch.ARM64))
        tar.addfile(member, io.BytesIO(elf(Arch.ARM64)))
    members.set_layer(target.getvalue(), Digest.of_bytes(target.getvalue()))


def hostile_layer(members: Members) -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("../etc/cron.d/x"))
    members.set_layer(target.getvalue(), Digest.of_bytes(target.getvalue()))


def other_diff_id(members: Members) -> None:
    config = members.config
    config["rootfs"]["diff_ids"][1] = f"sha256:{'0' * 64}"
    members.set_config(config)


def second_image(members: Members) -> None:
    index = members.index
    entry = dict(index["manifests"][0])
    index["manifests"].append(entry | {"digest": members.manifest["config"]["digest"]})
    members.set_index(index)


def no_name(members: Members) -> None:
    index = members.index
    index["manifests"][0]["annotations"] = {"org.opencontainers.image.ref.name": "1"}
    members.set_index(index)


def other_name(members: Members) -> None:
    index = members.index
    index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"] = "registry.example.com/other:1"
    index["manifests"][0]["annotations"]["io.containerd.image.name"] = "registry.example.com/third:1"
    members.set_index(index)


def foreign_layer(members: Members) -> None:
    manifest = members.manifest
    manifest["layers"][1]["mediaType"] = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    members.set_manifest(manifest)


def fewer_diff_ids(members: Members) -> None:
    config = members.config
    config["rootfs"]["diff_ids"].pop()
    members.set_config(config)


def bad_config(members: Members) -> None:
    manifest = members.manifest
    del members.files[blob_path(manifest["config"]["digest"])]
    data = b"no JSON"
    members.files[blob_path(Digest.of_bytes(data))] = data
    manifest["config"] |= {"digest": Digest.of_bytes(data), "size": len(data)}
    members.set_manifest(manifest)


def schema_1(members: Members) -> None:
    index = members.index
    index["manifests"][0]["mediaType"] = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    members.set_index(index)


MUTATIONS: dict[str, tuple[Callable[[Members], object], list[str]]] = {
    "a missing layer": (
        lambda members: members.files.pop(blob_path(members.manifest["layers"][1]["digest"])),
        ["registry.example.com/app:1: the blob sha256:", " is missing"],
    ),
    "a missing config": (
        lambda members: members.files.pop(blob_path(members.manifest["config"]["digest"])),
        ["registry.example.com/app:1: there is no blobs/sha256/"],
    ),
    "a missing manifest": (
        lambda members: members.files.pop(blob_path(members.index["manifests"][0]["digest"])),
        ["registry.example.com/app:1: there is no blobs/sha256/"],
    ),
    "a flipped bit": (flip, ["registry.example.com/app:1: the blob sha256:", "is damaged: its content is sha256:"]),
    "a wrong platform": (wrong_platform, ["its config says that it is for linux/riscv64, not for linux/"]),
    "a wrong variant": (wrong_variant, ["the index says that it is for linux/", "/v6, not for linux/"]),
    "a program for another machine": (
        foreign_program,
        ["in the layer sha256:", "/bin/app is made for arm64, not for a"],
    ),
    "a hostile layer": (hostile_layer, ["the name '../etc/cron.d/x' leads out of the image"]),
    "another layer than the config says": (other_diff_id, ["inside, not sha256:0000", "as the config says"]),
    "fewer layers in the config": (fewer_diff_ids, ["its config does not name each of its 2 layers"]),
    "a hostile member": (
        hostile("../../etc/passwd"),
        ["the archive: '../../etc/passwd': its name leads out of the archive"],
    ),
    "an absolute member": (hostile("/etc/passwd"), ["the archive: '/etc/passwd': its name leads out of the archive"]),
    "a link": (hostile("blobs/sha256/x", tarfile.SYMTYPE), ["it is neither a file nor a directory"]),
    "a member twice": (hostile("index.json"), ["the archive: 'index.json': it is there twice"]),
    "an unknown member": (hostile("readme"), ["the archive: 'readme': an image layout has no such member"]),
    "a blob of nobody": (
        lambda members: members.files.update({blob_path(Digest.of_bytes(b"x")): b"x"}),
        ["no image of the bundle has this blob"],
    ),
    "two images of one name": (second_image, ["two images have this reference: sha256:"]),
    "no whole reference": (no_name, ["the index gives it no whole reference", "it is needed by app.yaml:7"]),
    "another reference": (
        other_name,
        [
            "registry.example.com/app:1: it is needed by app.yaml:7, and is not in the bundle",
            "registry.example.com/other:1: it is in the bundle, and nothing needs it",
            "io.containerd.image.name says otherwise: registry.example.com/third:1",
        ],
    ),
    "a foreign layer": (
        foreign_layer,
        ["is to be fetched from elsewhere: application/vnd.docker.image.rootfs.foreign"],
    ),
    "a config that is none": (bad_config, ["is no JSON"]),
    "a manifest of schema 1": (schema_1, ["is of the type application/vnd.docker.distribution.manifest.v1+prettyjws"]),
    "no index": (lambda members: members.files.pop("index.json"), ["the archive: there is no index.json"]),
    "no layout": (lambda members: members.files.pop("oci-layout"), ["the archive: there is no oci-layout"]),
    "another layout": (
        lambda members: members.files.update({"oci-layout": b'{"imageLayoutVersion":"2.0.0"}'}),
        ["oci-layout: it is not of version 1.0.0"],
    ),
}

"""An image of one file as an archive that every runtime imports: the OCI image layout in a tar."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

from builder.core.arch import Arch

MEDIA = "application/vnd.oci.image"
# Architecture and variant as OCI names them.
PLATFORMS = {
    Arch.ARMV7: {"architecture": "arm", "variant": "v7"},
    Arch.ARM64: {"architecture": "arm64"},
    Arch.AMD64: {"architecture": "amd64"},
}


def write_image(path: Path, name: str, arch: Arch) -> str:
    """Write the archive and return the digest of the image's manifest; `name` is the whole reference."""
    blobs: dict[str, bytes] = {}
    platform = {"os": "linux", **PLATFORMS[arch]}
    layer = _tar({"hello.txt": b"hello\n"})
    config = {**platform, "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]}, "config": {}}
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{MEDIA}.manifest.v1+json",
        "config": _add(blobs, f"{MEDIA}.config.v1+json", _json(config)),
        "layers": [_add(blobs, f"{MEDIA}.layer.v1.tar", layer)],
    }
    described = _add(blobs, f"{MEDIA}.manifest.v1+json", _json(manifest))
    described |= {"platform": platform, "annotations": {"io.containerd.image.name": name}}
    index = {"schemaVersion": 2, "manifests": [described]}
    path.write_bytes(_tar({"oci-layout": _json({"imageLayoutVersion": "1.0.0"}), "index.json": _json(index), **blobs}))
    return str(described["digest"])


def _add(blobs: dict[str, bytes], media_type: str, content: bytes) -> dict[str, object]:
    """Put a blob where the layout wants it; its descriptor."""
    digest = _digest(content)
    blobs[f"blobs/{digest.replace(':', '/')}"] = content
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _tar(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return target.getvalue()

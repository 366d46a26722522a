"""An image with one static program, as an archive that containerd imports (OCI image layout)."""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

_MEDIA = "application/vnd.oci.image"


def write_image(path: Path, name: str, program: Path, platform: Mapping[str, str]) -> None:
    """Write the archive of the image `name` (the whole reference) for `platform`, whose only file is `program`."""
    blobs: dict[str, bytes] = {}
    entry = f"/{program.name}"
    layer = _tar({program.name: program.read_bytes()}, mode=0o755)
    config = {**platform, "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]}, "config": {"Entrypoint": [entry]}}
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{_MEDIA}.manifest.v1+json",
        "config": _add(blobs, f"{_MEDIA}.config.v1+json", _json(config)),
        "layers": [_add(blobs, f"{_MEDIA}.layer.v1.tar", layer)],
    }
    described = _add(blobs, f"{_MEDIA}.manifest.v1+json", _json(manifest))
    described |= {"platform": dict(platform), "annotations": {"io.containerd.image.name": name}}
    index = {"schemaVersion": 2, "manifests": [described]}
    layout = {"oci-layout": _json({"imageLayoutVersion": "1.0.0"}), "index.json": _json(index), **blobs}
    path.write_bytes(_tar(layout, mode=0o644))


def _add(blobs: dict[str, bytes], media_type: str, content: bytes) -> dict[str, object]:
    """Put a blob where the layout wants it; its descriptor."""
    digest = _digest(content)
    blobs[f"blobs/{digest.replace(':', '/')}"] = content
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _tar(files: Mapping[str, bytes], *, mode: int) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), mode
            archive.addfile(member, io.BytesIO(content))
    return target.getvalue()

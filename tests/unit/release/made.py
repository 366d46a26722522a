"""Releases that nobody built."""

from typing import Any

from builder.core.arch import Arch
from builder.release.record import Contents, Release, ReleasedFile, Role

IMAGE = "edge-generic-amd64.img.zst"


def release(version: str, image: str, size_bytes: int, executable: str) -> Release:
    digest = f"sha256:{size_bytes:064d}"
    files = (
        ReleasedFile(
            path=image, role=Role.IMAGE, sha256=digest, size_bytes=size_bytes, arch=Arch.AMD64, board="generic"
        ),
        ReleasedFile(path=executable, role=Role.EXECUTABLE, sha256=digest, size_bytes=1000, arch=Arch.AMD64),
    )
    return Release(name="edge", version=version, builder="1", epoch_s=0, files=files)


def contents(**changed: Any) -> Contents:  # noqa: ANN401 - any field
    fields: dict[str, Any] = {
        "packages": {"libc6:amd64": "2.41-1", "gone:all": "1"},
        "modules": {"example.org/a": "v1.0.0"},
        "files": {"/etc/issue": ("0644", 2, "sha256:" + "a" * 64), "/etc/old": ("0644", 1, "sha256:" + "a" * 64)},
        "kernel": {"SQUASHFS": "m", "BRIDGE": "m"},
    }
    return Contents(**{**fields, **changed})

"""Updates of the operating system: a manifest of all blocks of a slot's file system, which is what is signed.

`cluster/internal/osupdate` reads it on devices.
"""

import json
import zlib
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

# Raised when a manifest changes its meaning.
FORMAT = 1


def update_manifest(system: Path, about: Mapping[str, str], *, file: str, block_bytes: int) -> bytes:
    """The manifest for the file system `system`, which will lie beside it as `file`; `about` says what it is for.

    `blocks` are SHA-256 of each block, `sums` their Adler-32 with the highest byte first, by which a device finds blocks
    that it has at any place of the slot in use.
    """
    whole, digests, sums = sha256(), bytearray(), bytearray()
    with system.open("rb") as stream:
        while block := stream.read(block_bytes):
            whole.update(block)
            digests += sha256(block).digest()
            sums += zlib.adler32(block).to_bytes(4, "big")
        size_bytes = stream.tell()
    content = {
        "format": FORMAT,
        **about,
        "file": file,
        "size_bytes": size_bytes,
        "sha256": whole.hexdigest(),
        "block_bytes": block_bytes,
        "blocks": b64encode(digests).decode(),
        "sums": b64encode(sums).decode(),
    }
    return json.dumps(content, indent=2).encode() + b"\n"

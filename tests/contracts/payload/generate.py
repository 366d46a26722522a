"""Writes the samples of this directory: executables with good and with bad payloads, and what readers have to say of them.

`python -m tests.contracts.payload.verdicts` rewrites them. Everything is written by hand here, not with the builder's
writer: reader and writer are judged by the same samples. `verdicts.json` lists every sample:

- `verdict`: `ok`, `absent` (no payload, not an error), `damaged`, `unsupported`;
- `found`: `open` where reading footer and index tells it, `verify` where it takes decompressing;
- `says`: what the message of the Go reader contains.
"""

import hashlib
import json
import struct
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zstandard

HERE = Path(__file__).parent
MAGIC = b"kedge-payload\0\0\1"
BUNDLE_MAGIC = b"kedge-bundle\0\0\0\1"
BUNDLE = b"index.json" * 100
MIB = 1 << 20
RUNC = b"\x7fELF runc " * 40
SHIM = b"\x7fELF shim " * 50
CNI = b"\x7fELF cni " * 30
# `mode`, `content` or `link` of each path.
Tree = dict[str, tuple[int, bytes] | str]
TREE: Tree = {
    "bin/cni": (0o755, CNI),
    "bin/containerd-shim-runc-v2": (0o755, SHIM),
    "bin/runc": (0o755, RUNC),
    "cni/bridge": "../bin/cni",
    "cni/portmap": "../bin/cni",
    "lib/nft/libnftables.so.1": (0o644, b"library"),
}
VERSIONS = {"cni": "v1.9.1", "runc": "v1.5.2"}


def elf64(machine: int = 62) -> bytes:
    """A 64-bit executable of one segment (ELF header, program header, some bytes)."""
    body = b"\0" * 40
    size = 64 + 56 + len(body)
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, machine, 1, 0, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    return header + struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, size, size, 4096) + body


def elf32() -> bytes:
    """The same for 32-bit ARM."""
    body = b"\0" * 40
    size = 52 + 32 + len(body)
    header = struct.pack("<16sHHIIIIIHHHHHH", b"\x7fELF\1\1\1", 2, 40, 1, 0, 52, 0, 0, 52, 32, 1, 40, 0, 0)
    return header + struct.pack("<IIIIIIII", 1, 0, 0, 0, size, size, 5, 4096) + body


def compress(content: bytes, *, checksum: bool = True, size: bool = True) -> bytes:
    """One frame as the format wants it."""
    parameters = zstandard.ZstdCompressionParameters.from_level(
        19, write_checksum=checksum, write_content_size=size, window_log=min(23, max(10, len(content).bit_length()))
    )
    return zstandard.ZstdCompressor(compression_params=parameters).compress(content)


def wide_frame(content: bytes) -> bytes:
    """A valid frame that asks for a window of 16 MiB (RFC 8878, 3.1.1.1): header, one raw block, checksum."""
    return stored(content, begin=bytes([0b1000_0100, (24 - 10) << 3]))


def stored(content: bytes, *, begin: bytes = bytes([0b1010_0100])) -> bytes:
    """A valid frame that compresses nothing; `begin` are its header's descriptor and window, if it has one."""
    block = (len(content) << 3 | 1).to_bytes(3, "little")
    header = b"\x28\xb5\x2f\xfd" + begin + len(content).to_bytes(4, "little")
    return header + block + content + compress(content)[-4:]


@dataclass
class Sample:
    """What a file is made of; bad samples change a part of it."""

    executable: bytes = field(default_factory=elf64)
    frames: bytes = b""
    index: dict[str, Any] = field(default_factory=dict)
    raw_index: bytes | None = None
    digest: bytes | None = None
    offset: int | None = None
    length: int | None = None
    magic: bytes = MAGIC

    def entry(self, path: str) -> dict[str, Any]:
        return next(file for file in self.index["files"] if file["path"] == path)

    def pack(self) -> bytes:
        raw = self.raw_index if self.raw_index is not None else canonical(self.index)
        offset = len(self.executable) + len(self.frames) if self.offset is None else self.offset
        length = len(raw) if self.length is None else self.length
        footer = struct.pack("<QQ", offset, length) + (self.digest or hashlib.sha256(raw).digest()) + self.magic
        return self.executable + self.frames + raw + footer


def hex_digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sample(
    tree: Tree | None = None,
    *,
    executable: bytes | None = None,
    arch: str = "amd64",
    versions: dict[str, str] | None = None,
    frame: Callable[[bytes], bytes] = compress,
) -> Sample:
    """A good payload of `tree`."""
    made = Sample(executable=executable or elf64())
    files: list[dict[str, Any]] = []
    known: dict[bytes, dict[str, Any]] = {}
    for path, what in sorted((tree or TREE).items()):
        if isinstance(what, str):
            files.append({"path": path, "link": what})
            continue
        mode, content = what
        if content not in known:
            data = frame(content)
            start = len(made.executable) + len(made.frames)
            known[content] = {"offset": start, "length": len(data), "frame_sha256": hex_digest(data)}
            made.frames += data
        files.append(
            {"path": path, "mode": mode, "size": len(content), "sha256": hex_digest(content), **known[content]}
        )
    made.index = {"arch": arch, "files": files, "format": 1, "versions": VERSIONS if versions is None else versions}
    return made


def changed(name: str, /, **values: object) -> Sample:
    """The good payload with some values of a file changed, the files sorted again; None removes a key."""
    made = sample()
    entry = made.entry(name)
    entry.update(values)
    for key in [key for key, value in entry.items() if value is None]:
        del entry[key]
    made.index["files"].sort(key=lambda file: file["path"])
    return made


def top(**values: object) -> Sample:
    """The good payload with some values of the index changed."""
    made = sample()
    made.index.update(values)
    return made


def with_raw(change: Callable[[bytes], bytes]) -> Sample:
    """The good payload with another text of the index, and the digest of that."""
    made = sample()
    made.raw_index = change(canonical(made.index))
    return made


def shifted(path: str, *, offset: int = 0, length: int = 0) -> Sample:
    """The good payload with another place of a frame."""
    entry = sample().entry(path)
    return changed(path, offset=entry["offset"] + offset, length=entry["length"] + length)


def with_gap(before: str) -> Sample:
    """Ten bytes that nobody knows before a frame, or before the index."""
    made = sample()
    at = len(made.executable) + len(made.frames) if before == "index" else made.entry(before)["offset"]
    cut = at - len(made.executable)
    made.frames = made.frames[:cut] + b"0123456789" + made.frames[cut:]
    for entry in made.index["files"]:
        if "offset" in entry and entry["offset"] >= at:
            entry["offset"] += 10
    return made


def repeated_content() -> Sample:
    """One content in two frames."""
    made = sample()
    copy = deepcopy(made.entry("bin/runc"))
    copy |= {"path": "bin/runc-again", "offset": len(made.executable) + len(made.frames)}
    made.frames += compress(RUNC)
    made.index["files"].insert(3, copy)
    return made


def flipped_frame(*, known: bool = False) -> Sample:
    """One bit of a content; `known`: the index has the digest of the frame as it is."""
    made = sample()
    at = made.entry("bin/runc")["offset"] - len(made.executable) + 14
    data = bytearray(made.frames)
    data[at] ^= 0x10
    made.frames = bytes(data)
    if known:
        entry = made.entry("bin/runc")
        start = entry["offset"] - len(made.executable)
        entry["frame_sha256"] = hex_digest(made.frames[start : start + entry["length"]])
    return made


def other_content() -> Sample:
    """Frames that are sound and have their digests, of contents of the same size that the index does not name."""
    return sample(frame=lambda content: compress(content.swapcase()))


def other_frame() -> Sample:
    """Frames that are sound and have the contents that the index names, but are not the ones whose digests it has."""
    made = sample(frame=stored)
    expected = sample()
    for entry in made.index["files"]:
        if "frame_sha256" in entry:
            entry["frame_sha256"] = expected.entry(entry["path"])["frame_sha256"]
    return made


def shared_content_two_digests() -> Sample:
    """Two files of one content and one frame, with different digests of it."""
    made = sample({"bin/a": (0o755, RUNC), "bin/b": (0o644, RUNC)})
    made.entry("bin/b")["frame_sha256"] = "a" * 64
    return made


def with_bundle(  # noqa: PLR0913 - one parameter per field of the footer
    before: bytes,
    content: bytes = BUNDLE,
    *,
    offset: int | None = None,
    length: int | None = None,
    digest: bytes | None = None,
    magic: bytes = BUNDLE_MAGIC,
) -> bytes:
    """The file `before` with a bundle of images behind it."""
    place = struct.pack("<QQ", len(before) if offset is None else offset, len(content) if length is None else length)
    return before + content + place + (digest or hashlib.sha256(content).digest()) + magic

"""Device trees and boot loaders as their tools write them, small enough to be read."""

import hashlib
import struct
import zlib
from collections.abc import Mapping

Properties = Mapping[str, "bytes | Properties"]


def fdt(root: Properties) -> bytes:
    """A device tree with these properties; mappings are nodes."""
    names = bytearray()
    structure = _node("", root, names) + struct.pack(">I", 9)
    start = 40
    total = start + len(structure) + len(names)
    header = struct.pack(
        ">10I", 0xD00DFEED, total, start, start + len(structure), start, 17, 16, 0, len(names), len(structure)
    )
    return header + structure + bytes(names)


def _node(name: str, content: Properties, names: bytearray) -> bytes:
    out = struct.pack(">I", 1) + _padded(name.encode() + b"\0")
    for key, value in content.items():
        if isinstance(value, bytes):
            out += struct.pack(">3I", 3, len(value), len(names)) + _padded(value)
            names += key.encode() + b"\0"
        else:
            out += struct.pack(">I", 4) + _node(key, value, names)  # a NOP, which readers skip
    return out + struct.pack(">I", 2)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def legacy(content: bytes) -> bytes:
    """An image in U-Boot's own format."""
    fields = (0, len(content), 0, 0, zlib.crc32(content))
    blank = struct.pack(">7I", 0x27051956, 0, *fields) + bytes(36)
    return struct.pack(">7I", 0x27051956, zlib.crc32(blank), *fields) + bytes(36) + content


def fit(*contents: bytes) -> bytes:
    """Images behind a device tree that has their checksums."""
    images: dict[str, Properties] = {}
    offset = 0
    for number, content in enumerate(contents):
        size, start = (value.to_bytes(4, "big") for value in (len(content), offset))
        sums = {"value": hashlib.sha256(content).digest(), "algo": b"sha256\0"}
        images[f"part-{number}"] = {"data-size": size, "data-offset": start, "hash": sums}
        offset += len(_padded(content))
    return _padded(fdt({"images": images})) + b"".join(_padded(content) for content in contents)


def egon(second: bytes) -> bytes:
    """An SPL for Allwinner's boot ROM, and its second stage."""
    length = 24 << 10
    blank = struct.pack("<I8sII", 0xEA000016, b"eGON.BT0", 0x5F0A6C39, length) + bytes(range(256)) + bytes(length - 276)
    total = sum(struct.unpack(f"<{length // 4}I", blank)) & 0xFFFFFFFF
    return blank[:12] + struct.pack("<I", total) + blank[16:] + bytes((32 << 10) - length) + second


def omap(size_bytes: int, address: int = 0x402F0400) -> bytes:
    """An MLO for TI's boot ROM."""
    toc = struct.pack("<II12x12s", 0x40, 0xC, b"CHSETTINGS")
    return toc + b"\xff" * (512 - len(toc)) + struct.pack("<II", size_bytes, address) + bytes(4096)

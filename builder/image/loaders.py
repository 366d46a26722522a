"""Headers of boot loaders, as boot ROMs and first stages check them: what a board would refuse is found before it is written."""

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum

from builder.core.errors import BuilderError
from builder.formats.fdt import MAGIC, FdtNode, read_fdt


class LoaderCheck(StrEnum):
    """A kind of header with what it promises of the bytes that follow."""

    EGON = "egon"
    ROCKCHIP = "rockchip"
    OMAP = "omap"
    UBOOT = "uboot"


def loader_problems(check: LoaderCheck, data: bytes) -> list[str]:
    """Everything that is wrong with the boot loader in `data`; empty for one that its board starts."""
    try:
        return list(_CHECKS[check](data))
    except (struct.error, IndexError):
        return [f"it is cut: it has {len(data)} bytes"]
    except BuilderError as error:
        return [error.brief]


# U-Boot's include/sunxi_image.h: a branch, the magic, a checksum, the length; the sum is taken with this in its place.
_EGON = struct.Struct("<4x8sII")
_EGON_STAMP = 0x5F0A6C39
# The SPL, and its second stage behind it: U-Boot's CONFIG_SYS_MMCSD_RAW_MODE_U_BOOT_SECTOR 0x50 is counted from the disk's
# beginning, where the SPL begins at 8 KiB.
_EGON_SECOND = 0x50 * 512 - (8 << 10)


def _egon(data: bytes) -> Iterator[str]:
    magic, stated, length = _EGON.unpack_from(data)
    if magic != b"eGON.BT0":
        yield f"no SPL for Allwinner's boot ROM: {magic!r} stands where it looks for b'eGON.BT0'"
        return
    if length % 4 or length > len(data):
        yield f"its SPL says that it has {length} bytes, of {len(data)} in the file"
        return
    words = struct.unpack_from(f"<{length // 4}I", data)
    found = (sum(words) - stated + _EGON_STAMP) & 0xFFFFFFFF
    if found != stated:
        yield f"the checksum of its SPL is {found:#010x}, not {stated:#010x} as its header says"
    yield from _uboot(data[max(length, _EGON_SECOND) :])


# U-Boot's tools/rkcommon.c: the first sector is encrypted with this key, and a second header follows at `offset` sectors.
_ROCKCHIP_KEY = bytes((124, 78, 3, 4, 85, 5, 9, 7, 45, 44, 123, 56, 23, 13, 23, 17))
_ROCKCHIP = struct.Struct("<I4xIH492xHH2x")
_ROCKCHIP_MAGIC = 0x0FF0AA55
_ROCKCHIP_TAG = b"RK3"
# The second stage at sector 16384 of the disk, where the file itself begins at sector 64.
_ROCKCHIP_SECOND = (16384 - 64) * 512


def _rockchip(data: bytes) -> Iterator[str]:
    magic, _, offset, init, whole = _ROCKCHIP.unpack(_rc4(_ROCKCHIP_KEY, data[: _ROCKCHIP.size]))
    if magic != _ROCKCHIP_MAGIC:
        yield f"no loader for Rockchip's boot ROM: its header decrypts to {magic:#010x}, not to {_ROCKCHIP_MAGIC:#010x}"
        return
    if not data[offset * 512 :].startswith(_ROCKCHIP_TAG):
        yield f"its code, at sector {offset}, does not begin with the name of a chip"
    if (offset + max(init, whole)) * 512 > len(data):
        yield f"its header promises {max(init, whole)} sectors from sector {offset} on, the file has {len(data) // 512}"
    if len(data) > _ROCKCHIP_SECOND:
        yield from _uboot(data[_ROCKCHIP_SECOND:])


def _rc4(key: bytes, data: bytes) -> bytes:
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


# AM335x Technical Reference Manual, 26.1.11: a table of contents with the item CHSETTINGS, then size and address of the code.
_TOC_ITEM = struct.Struct("<II12x12s")
_TOC_BYTES = 512
_GP_HEADER = struct.Struct("<II")
# The chip's internal memory.
_OMAP_MEMORY = range(0x402F0400, 0x40310000)


def _omap(data: bytes) -> Iterator[str]:
    _, _, name = _TOC_ITEM.unpack_from(data)
    if name.rstrip(b"\0") != b"CHSETTINGS":
        yield f"no MLO for TI's boot ROM: its first item is {name!r}, not b'CHSETTINGS'"
        return
    size_bytes, address = _GP_HEADER.unpack_from(data, _TOC_BYTES)
    if not _GP_HEADER.size < size_bytes <= len(data):
        yield f"its header promises {size_bytes} bytes of code, the file has {len(data)}"
    if address not in _OMAP_MEMORY:
        yield f"its code wants to lie at {address:#x}, outside of the memory of the chip"


# U-Boot's include/image.h: magic, checksum of the header, time, size, load address, entry, checksum of the data.
_LEGACY = struct.Struct(">7I")
_LEGACY_BYTES = 64
_LEGACY_MAGIC = 0x27051956


def _uboot(data: bytes) -> Iterator[str]:
    """An image that a first stage loads: U-Boot's own format with two checksums, or a device tree with images behind it."""
    (magic,) = struct.unpack_from(">I", data)
    if magic == _LEGACY_MAGIC:
        yield from _legacy(data)
    elif magic == MAGIC:
        yield from _fit(data)
    else:
        yield f"no image of U-Boot where its first stage looks for one: it begins with {magic:#010x}"


def _legacy(data: bytes) -> Iterator[str]:
    _, header_sum, _, size_bytes, _, _, data_sum = _LEGACY.unpack_from(data)
    header = data[:4] + bytes(4) + data[8:_LEGACY_BYTES]
    if zlib.crc32(header) != header_sum:
        yield "the checksum of the header of U-Boot's image is wrong"
    elif len(data) < _LEGACY_BYTES + size_bytes:
        yield f"U-Boot's image is cut: {len(data) - _LEGACY_BYTES} of {size_bytes} bytes"
    elif zlib.crc32(data[_LEGACY_BYTES : _LEGACY_BYTES + size_bytes]) != data_sum:
        yield "the checksum of U-Boot's image is wrong"


_SUMS: Mapping[str, Callable[[bytes], bytes]] = {
    "crc32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "sha256": lambda data: hashlib.sha256(data).digest(),
}


def _fit(data: bytes) -> Iterator[str]:
    """U-Boot's doc/usage/fit/source_file_format.rst; contents that lie outside begin behind the tree, at a multiple of four."""
    root = read_fdt(data)
    (total,) = struct.unpack_from(">I", data, 4)
    outside = total + -total % 4
    images = root.children.get("images")
    if images is None or not images.children:
        yield "U-Boot's image holds no images"
        return
    for image in images.children.values():
        content = image.properties.get("data")
        if content is None:
            (offset,), (size_bytes,) = image.cells("data-offset"), image.cells("data-size")
            content = data[outside + offset : outside + offset + size_bytes]
            if len(content) < size_bytes:
                yield f"U-Boot's image is cut: {len(content)} of the {size_bytes} bytes of {image.name}"
                continue
        yield from _sums(image, content)


def _sums(image: FdtNode, content: bytes) -> Iterator[str]:
    for child in image.children.values():
        algorithm = (child.strings("algo") or ("",))[0]
        stated = child.properties.get("value")
        if stated is not None and algorithm in _SUMS and _SUMS[algorithm](content) != stated:
            yield f"the checksum of {image.name} in U-Boot's image is wrong"


_CHECKS: Mapping[LoaderCheck, Callable[[bytes], Iterator[str]]] = {
    LoaderCheck.EGON: _egon,
    LoaderCheck.ROCKCHIP: _rockchip,
    LoaderCheck.OMAP: _omap,
    LoaderCheck.UBOOT: _uboot,
}

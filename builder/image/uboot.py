"""Scripts of U-Boot in the form that its `source` command takes (include/image.h, `legacy_img_hdr`)."""

import struct
import zlib

_MAGIC = 0x27051956
# IH_OS_LINUX, IH_ARCH_ARM or IH_ARCH_ARM64 (nothing looks at it for a script), IH_TYPE_SCRIPT, IH_COMP_NONE.
_LINUX, _ARM, _SCRIPT, _PLAIN = 5, 2, 6, 0
_HEADER = struct.Struct(">7I4B32s")


def script_image(text: str, *, epoch_s: int, name: str = "") -> bytes:
    """`text` as a script image dated `epoch_s`: a header with checksums of itself and of the data, then the data."""
    script = text.encode()
    # A list of lengths, ended by zero: a script image is a multi-file image of one file.
    data = struct.pack(">2I", len(script), 0) + script
    title = name.encode()[:32]

    def header(checksum: int) -> bytes:
        kind = (_LINUX, _ARM, _SCRIPT, _PLAIN)
        return _HEADER.pack(_MAGIC, checksum, epoch_s, len(data), 0, 0, zlib.crc32(data), *kind, title)

    return header(zlib.crc32(header(0))) + data

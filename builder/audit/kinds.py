"""What a file is that should have been an ELF file, in words for people."""

from pathlib import Path

_HEAD_BYTES = 512
_LONGEST_SHOWN = 60
# Offset, bytes, name.
_MAGICS = (
    (257, b"ustar", "a tar archive"),
    (0, b"MZ", "a Windows executable (PE)"),
    (0, b"!<arch>\n", "an ar archive (a static library or a Debian package)"),
    (0, b"\x1f\x8b", "compressed with gzip"),
    (0, b"\xfd7zXZ\x00", "compressed with xz"),
    (0, b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (0, b"BZh", "compressed with bzip2"),
    (0, b"PK\x03\x04", "a zip archive"),
    (0, b"\xcf\xfa\xed\xfe", "a macOS executable (Mach-O)"),
    (0, b"\xca\xfe\xba\xbe", "a macOS executable (Mach-O) or a Java class"),
)


def described(path: Path) -> str:
    """What the file at `path`, which is no ELF file, is."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if not head:
        return "an empty file"
    if head.startswith(b"#!"):
        return f"a script for {_printable(head[2:].splitlines()[0] if head[2:] else b'')}"
    for offset, magic, name in _MAGICS:
        if head[offset:].startswith(magic):
            return name
    if b"\0" in head:
        return f"unknown data that begins with {head[:8].hex(' ')}"
    if head.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return "an HTML page, perhaps a server's error message"
    return f"a text that begins with {_printable(head.splitlines()[0])!r}"


def _printable(line: bytes) -> str:
    text = line.decode(errors="replace").strip()
    return text[:_LONGEST_SHOWN] or "nothing"

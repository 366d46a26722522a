"""Root file systems of three names."""

from pathlib import Path

from builder.formats.tar import DIRECTORY, REGULAR, TarMember, end_bytes, header_bytes, padding_bytes


def write_archive(path: Path) -> Path:
    """A root directory, /boot that others may not enter, and a kernel in it."""
    members = [
        (TarMember(name="./", type=DIRECTORY, mode=0o755), b""),
        (TarMember(name="./boot/", type=DIRECTORY, mode=0o700), b""),
        (TarMember(name="./boot/vmlinuz-6.1", type=REGULAR, size_bytes=3), b"abc"),
    ]
    data = b"".join(header_bytes(one) + content + padding_bytes(len(content)) for one, content in members)
    path.write_bytes(data + end_bytes(len(data)))
    return path

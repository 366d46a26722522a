"""Archives that Linux unpacks at its start."""

import stat

from builder.formats.cpio import character_device, cpio_bytes, directory, file

FIELDS = 13


def read(archive: bytes) -> dict[str, tuple[int, tuple[int, int], bytes]]:
    """What is in `archive`, by the kernel's description of the format: mode, device and content by name."""
    found: dict[str, tuple[int, tuple[int, int], bytes]] = {}
    position = 0
    while True:
        assert archive[position : position + 6] == b"070701"
        numbers = [int(archive[position + 6 + 8 * field :][:8], 16) for field in range(FIELDS)]
        _, mode, uid, gid, _, mtime, size, _, _, major, minor, name_size, checksum = numbers
        assert (uid, gid, mtime, checksum) == (0, 0, 0, 0)
        name_start = position + 6 + 8 * FIELDS
        name = archive[name_start : name_start + name_size]
        assert name.endswith(b"\0")
        data_start = name_start + name_size + -(name_start + name_size) % 4
        if name == b"TRAILER!!!\0":
            return found
        found[name[:-1].decode()] = (mode, (major, minor), archive[data_start : data_start + size])
        position = data_start + size + -(data_start + size) % 4


def test_files_directories_and_devices_are_read_again() -> None:
    entries = [
        directory("bin"),
        file("bin/sh", b"abcde", 0o755),
        file("empty", b""),
        character_device("dev/console", 5, 1),
        file("a name of another length", b"xy"),
    ]
    assert read(cpio_bytes(entries)) == {
        "bin": (stat.S_IFDIR | 0o755, (0, 0), b""),
        "bin/sh": (stat.S_IFREG | 0o755, (0, 0), b"abcde"),
        "empty": (stat.S_IFREG | 0o644, (0, 0), b""),
        "dev/console": (stat.S_IFCHR | 0o600, (5, 1), b""),
        "a name of another length": (stat.S_IFREG | 0o644, (0, 0), b"xy"),
    }

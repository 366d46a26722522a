"""Loop devices on files of the tests, images for them, and the builder that flashes them."""

import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from builder.formats.blockmap import BLOCK_BYTES, MappedRange, block_map

ROOT = Path(__file__).resolve().parents[3]
MIB = 1 << 20
# Blocks of the image: a partition table, a loader, file systems, something small, and the end.
RANGES = ((0, 10), (2048, 4600), (5000, 5000), (9000, 10239))
IMAGE_BYTES = 40 * MIB


def make_image(path: Path, seed: int = 1) -> bytes:
    """An image with its block map at `path`; the content. What is not mapped is zeros."""
    noise = random.Random(seed)  # noqa: S311 - content of a test
    content = bytearray(IMAGE_BYTES)
    mapped = []
    for first, last in RANGES:
        start, end = first * BLOCK_BYTES, (last + 1) * BLOCK_BYTES
        content[start:end] = noise.randbytes(end - start)
        if first == 0:
            content[510:512] = b"\x55\xaa"
        mapped.append(MappedRange(first=first, last=last, sha256=hashlib.sha256(content[start:end]).hexdigest()))
    path.write_bytes(content)
    path.with_name(f"{path.name}.bmap").write_text(block_map(IMAGE_BYTES, mapped))
    return bytes(content)


@contextmanager
def loop(file: Path, *options: str) -> Iterator[Path]:
    """A loop device on `file`."""
    device = Path(tool("losetup", "--find", "--show", *options, file).strip())
    # The loop driver takes a request of which only the beginning was written for a success; FUSE divides larger ones.
    Path("/sys/block", device.name, "queue/max_sectors_kb").write_text("512")
    try:
        yield device
    finally:
        tool("losetup", "--detach", device)


def tool(*words: str | Path) -> str:
    """Run a program of the machine; what it says."""
    return subprocess.run([*map(str, words)], check=True, capture_output=True, text=True).stdout


def card(path: Path, size: int = 64 * MIB, *, stale: bool = True) -> Path:
    """A file of `size` that held something before."""
    path.write_bytes(b"\xa5" * size if stale else bytes(size))
    return path


def flash_command(image: Path, device: Path, serial: object, *more: str) -> list[str]:
    """The command that flashes `image` onto the loop `device`, whose serial number is its file."""
    confirmed = ["--even-if", f"{device.name}:not-removable", "--yes", "--serial", str(serial)]
    return [sys.executable, "-P", "-m", "builder", "flash", str(image), str(device), *confirmed, *more]


def run(command: Sequence[str], cache: Path) -> subprocess.CompletedProcess[str]:
    """Run the builder with a cache of its own."""
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment(cache), cwd=ROOT)


def environment(cache: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "BUILDER_CACHE": str(cache), "NO_COLOR": "1", "TERM": "dumb"}


def holds(file: Path, content: bytes, *, stale: bytes = b"\0") -> bool:
    """Whether all that the image maps is in `file`, and nothing but `stale` where it maps nothing."""
    found = file.read_bytes()
    position = 0
    for first, last in (*RANGES, (IMAGE_BYTES // BLOCK_BYTES, -1)):
        start, end = first * BLOCK_BYTES, (last + 1) * BLOCK_BYTES
        if found[position:start].strip(stale) or (end and found[start:end] != content[start:end]):
            return False
        position = end or position
    return True

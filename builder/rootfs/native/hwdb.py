"""The compiled hardware database `usr/lib/udev/hwdb.bin`, as the postinst of Debian's udev makes it.

systemd-hwdb writes two things into the file that are not the root file system's: its own version, and the path of each source as
seen from outside. Both are set right afterwards; the file is then what the systemd of any suite would write there itself
(systemd's hwdb-internal.h, format unchanged since its first version).
"""

import json
import struct
from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from pathlib import Path

from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.rootfs.content import PackageContent
from builder.rootfs.native.bench import Bench
from builder.rootfs.tree import Content

_DATABASE, _SOURCES = "hwdb.bin", "sources.json"
HWDB = "usr/lib/udev/hwdb.bin"
# Directories of sources; the files of all of them are merged in the order of their names.
SOURCES = ("usr/lib/udev/hwdb.d", "etc/udev/hwdb.d")
# Signature, version of the tool, size of the file, sizes of header, node, child and value, root, bytes of nodes and strings.
_HEADER = struct.Struct("<8s9Q")
_SIGNATURE = b"KSLPHHRH"
_SIZES = (_HEADER.size, 24, 16, 32)
_WORD_BYTES = 8


def compile_hwdb(sources: Mapping[str, Content], version: int, bench: Bench) -> bytes:
    """The database of `sources` (by path), as systemd `version` would write it."""
    root = bench.lay_out("hwdb", sources)
    bench.runner.run(bench.tools.command("systemd-hwdb", "--usr", "update", "--root", root))
    return rewrite(root_of_sources=str(root), data=(root / HWDB).read_bytes(), version=version)


def prepare_hwdb(package: PackageContent, bench: Bench, directory: Path) -> None:
    """Write the database of the sources that `package` alone brings into `directory`, with the digest of each of them."""
    paths = {f"usr/{one.name}" if one.name.startswith("lib/") else one.name: one for one in package.members}
    sources = {path: package.content(one) for path, one in sorted(paths.items()) if is_source(path)}
    version = int(package.version.partition(".")[0])
    (directory / _DATABASE).write_bytes(compile_hwdb(sources, version, bench))
    digests = {path: Digest.of_bytes(content.read()) for path, content in sources.items()}
    (directory / _SOURCES).write_text(json.dumps(digests))


def prepared_hwdb(directory: Path | None, sources: Mapping[str, Content]) -> bytes | None:
    """What `prepare_hwdb` wrote into `directory`, None unless it was made of exactly these `sources`."""
    if directory is None:
        return None
    digests = {path: Digest.of_bytes(content.read()) for path, content in sources.items()}
    if json.loads((directory / _SOURCES).read_text()) != digests:
        return None
    return (directory / _DATABASE).read_bytes()


def is_source(path: str) -> bool:
    """Whether the file at `path` is part of the database."""
    return path.endswith(".hwdb") and path.rpartition("/")[0] in SOURCES


def rewrite(data: bytes, *, root_of_sources: str, version: int) -> bytes:
    """`data` with another version, and with `root_of_sources` taken from the front of every path in it."""
    signature, _, size_bytes, *sizes, root, nodes_bytes, strings_bytes = _HEADER.unpack_from(data)
    start = _HEADER.size + nodes_bytes
    fits = start + strings_bytes == size_bytes == len(data) and nodes_bytes % _WORD_BYTES == 0
    if signature != _SIGNATURE or tuple(sizes) != _SIZES or not fits:
        raise BuilderError("systemd-hwdb wrote a database in a form that is not known here")
    prefix = root_of_sources.encode()
    cuts = _starts(data, start, prefix)
    words = array("Q", data[_HEADER.size : start])
    # Nodes, children and values consist of words of 8 bytes; only offsets of strings lie behind the nodes and in the file.
    length, least = len(prefix), max(start, cuts[0] if cuts else size_bytes)
    moved = array("Q", [w - length * bisect_left(cuts, w) if least < w < size_bytes else w for w in words])
    removed = len(cuts) * len(prefix)
    header = _HEADER.pack(signature, version, size_bytes - removed, *sizes, root, nodes_bytes, strings_bytes - removed)
    return header + moved.tobytes() + _without(data, start, cuts, len(prefix))


def _starts(data: bytes, start: int, prefix: bytes) -> Sequence[int]:
    """Where strings begin with `prefix` and a slash."""
    found: list[int] = []
    marker = b"\0" + prefix + b"/"
    position = data.find(marker, start)
    while position >= 0:
        found.append(position + 1)
        position = data.find(marker, position + 1)
    return found


def _without(data: bytes, start: int, cuts: Sequence[int], length: int) -> bytes:
    parts = []
    for cut in cuts:
        parts.append(data[start:cut])
        start = cut + length
    return b"".join([*parts, data[start:]])

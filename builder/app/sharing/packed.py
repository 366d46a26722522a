"""A store's entry as it travels: its record, and the contents of its files, one after the other in one zstd frame.

Whatever arrives is believed only as far as it is compared: names and digests come from the record, which may be signed; the
content says nothing of where anything goes.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import zstandard

from builder.core.digest import Digest
from builder.core.errors import VerificationError
from builder.io.files import CHUNK_BYTES
from builder.store.entry import Entry
from builder.store.record import EntryFile, Node, NodeKind

RECORD, CONTENT, SIGNATURE = "record", "content", "record.minisig"
MOST_RECORD_BYTES = 64 << 20
_LEVEL = 3
_MOST_WINDOW_BYTES = 128 << 20


def pack(entry: Entry, directory: Path, check: Callable[[], None]) -> None:
    """Write `entry` into `directory`; `check` is called now and then and may raise to end the work."""
    (directory / RECORD).write_bytes(entry.file.to_bytes())
    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
    with (directory / CONTENT).open("wb") as target, compressor.stream_writer(target) as writer:
        for node in entry.file.nodes:
            if node.kind is NodeKind.FILE:
                with (entry.output / node.path).open("rb") as source:
                    while chunk := source.read(CHUNK_BYTES):
                        check()
                        writer.write(chunk)


def read_record(data: bytes, key: Digest) -> EntryFile:
    """The record in `data`, which must be that of `key`; `VerificationError` where it is not, or names places elsewhere."""
    try:
        record = EntryFile.from_bytes(data)
    except (ValueError, KeyError, TypeError):
        raise VerificationError("its record is damaged") from None
    if record.key != key:
        raise VerificationError(f"it is the result of another step: {record.made.step}")
    directories = {""}
    for node in record.nodes:
        parent, _, name = node.path.rpartition("/")
        if name in ("", ".", "..") or parent not in directories or "\0" in node.path:
            raise VerificationError(f"its record names the place {node.path!r}")
        if node.kind is NodeKind.DIRECTORY:
            directories.add(node.path)
    return record


def unpack(directory: Path, record: EntryFile, output: Path, check: Callable[[], None]) -> None:
    """Write the files of `record` into the empty directory `output`; `VerificationError` where they are not what it says."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=_MOST_WINDOW_BYTES)
    try:
        with (directory / CONTENT).open("rb") as source, decompressor.stream_reader(source) as reader:
            for node in record.nodes:
                check()
                _place(node, output, reader)
            if reader.read(1):
                raise VerificationError("it has more than its record names")
    except zstandard.ZstdError:
        raise VerificationError("its content is damaged") from None


def _place(node: Node, output: Path, reader: BinaryIO) -> None:
    path = output / node.path
    if node.kind is NodeKind.DIRECTORY:
        path.mkdir()
    elif node.kind is NodeKind.LINK:
        path.symlink_to(node.target)
    else:
        _write(node, path, reader)


def _write(node: Node, path: Path, reader: BinaryIO) -> None:
    found, left = hashlib.sha256(), node.size_bytes
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        while left and (chunk := reader.read(min(left, CHUNK_BYTES))):
            found.update(chunk)
            target.write(chunk)
            left -= len(chunk)
        os.fchmod(descriptor, 0o700 if node.executable else 0o600)
    if left or Digest.from_hex(found.hexdigest()) != node.digest:
        raise VerificationError(f"its file {node.path} is not what its record says")


def same_nodes(first: Sequence[Node], second: Sequence[Node]) -> bool:
    """Whether two entries have the same files."""
    return sorted(first, key=lambda one: one.path) == sorted(second, key=lambda one: one.path)

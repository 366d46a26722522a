"""What the store knows about an entry: the record in its index, and the complete one in `entry.json`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypedDict

from builder.core.digest import Digest

# Raised when the form of `entry.json` changes its meaning; entries of another form count as damaged and are made again.
ENTRY_VERSION = 1


class NodeKind(StrEnum):
    """What a name in an entry's output is."""

    DIRECTORY = "d"
    FILE = "f"
    LINK = "l"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One name in an entry's output; `path` is relative to the output.

    `size_bytes`, `executable` and `digest` mean files, `target` means links.
    """

    path: str
    kind: NodeKind
    size_bytes: int = 0
    executable: bool = False
    digest: Digest | None = None
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Where an entry comes from and what making it took; the step's facts are kept for reasons and manifests."""

    step: str
    kind: str
    facts: Mapping[str, str]
    duration_s: float = 0.0
    peak_memory_bytes: int = 0
    downloaded_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRecord:
    """What the index knows about a complete entry. Times are seconds since the epoch; `step` is who made it first."""

    key: Digest
    step: str
    kind: str
    size_bytes: int
    files: int
    created_s: float
    used_s: float
    duration_s: float
    peak_memory_bytes: int
    downloaded_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFile:
    """The content of `entry.json`: all that is known of an entry, and the truth that the index is derived from."""

    key: Digest
    made: Made
    created_s: float
    nodes: Sequence[Node]

    def record(self) -> EntryRecord:
        """The part that the index keeps."""
        files = [node for node in self.nodes if node.kind is NodeKind.FILE]
        return EntryRecord(
            key=self.key,
            step=self.made.step,
            kind=self.made.kind,
            size_bytes=sum(node.size_bytes for node in files),
            files=len(files),
            created_s=self.created_s,
            used_s=self.created_s,
            duration_s=self.made.duration_s,
            peak_memory_bytes=self.made.peak_memory_bytes,
            downloaded_bytes=self.made.downloaded_bytes,
        )

    def to_bytes(self) -> bytes:
        """The written form; it ends with the digest of the rest, so that no flipped bit in it goes unnoticed."""
        body = {
            "version": ENTRY_VERSION,
            "key": self.key,
            "step": self.made.step,
            "kind": self.made.kind,
            "facts": dict(self.made.facts),
            "duration_s": self.made.duration_s,
            "peak_memory_bytes": self.made.peak_memory_bytes,
            "downloaded_bytes": self.made.downloaded_bytes,
            "created_s": self.created_s,
            "nodes": [_node_to_json(node) for node in self.nodes],
        }
        # Names of files need not be UTF-8; escaped as ASCII even those survive.
        text = json.dumps(body, separators=(",", ":"), ensure_ascii=True)
        return f"{text}\n{Digest.of_bytes(text.encode())}\n".encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "EntryFile":
        """What `to_bytes` wrote; `ValueError` when it is not whole or of another version."""
        text, _, digest = data.removesuffix(b"\n").rpartition(b"\n")
        if Digest.of_bytes(text).encode() != digest:
            raise ValueError("its digest does not match")
        body: _Body = json.loads(text)
        if body["version"] != ENTRY_VERSION:
            raise ValueError(f"it is of version {body['version']}")
        return cls(
            key=Digest(body["key"]),
            created_s=body["created_s"],
            nodes=[_node_from_json(row) for row in body["nodes"]],
            made=Made(
                step=body["step"],
                kind=body["kind"],
                facts=body["facts"],
                duration_s=body["duration_s"],
                peak_memory_bytes=body["peak_memory_bytes"],
                downloaded_bytes=body["downloaded_bytes"],
            ),
        )


class _Body(TypedDict):
    version: int
    key: str
    step: str
    kind: str
    facts: dict[str, str]
    duration_s: float
    peak_memory_bytes: int
    downloaded_bytes: int
    created_s: float
    nodes: list[list[str]]


def _node_to_json(node: Node) -> list[str]:
    match node.kind:
        case NodeKind.FILE:
            mode = "x" if node.executable else "-"
            return [node.kind, node.path, mode, str(node.size_bytes), node.digest.hex if node.digest else ""]
        case NodeKind.LINK:
            return [node.kind, node.path, node.target]
        case NodeKind.DIRECTORY:
            return [node.kind, node.path]


def _node_from_json(row: list[str]) -> Node:
    kind = NodeKind(row[0])
    if kind is NodeKind.FILE:
        _, path, mode, size, digest = row
        return Node(path=path, kind=kind, executable=mode == "x", size_bytes=int(size), digest=Digest.from_hex(digest))
    return Node(path=row[1], kind=kind, target=row[2] if kind is NodeKind.LINK else "")

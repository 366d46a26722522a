"""Flattened device trees (Devicetree Specification 0.4, chapter 5): read whole, so that a damaged one is found."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from builder.core.errors import BuilderError

MAGIC = 0xD00DFEED
# magic, total size, offsets of structure, strings and reservations, version, last compatible version, boot processor,
# sizes of strings and structure
_HEADER = struct.Struct(">10I")
_VERSION = 17
_BEGIN, _END, _PROPERTY, _NOP, _FINISH = 1, 2, 3, 4, 9
_PROPERTY_HEADER = struct.Struct(">2I")


@dataclass(frozen=True, slots=True, kw_only=True)
class FdtNode:
    """A node, with its properties as they are written and the nodes inside it, by name."""

    name: str
    properties: Mapping[str, bytes] = field(default_factory=dict)
    children: Mapping[str, "FdtNode"] = field(default_factory=dict)

    def strings(self, name: str) -> tuple[str, ...]:
        """A property that is a list of strings; empty where the node does not have it."""
        value = self.properties.get(name, b"")
        return tuple(one.decode(errors="replace") for one in value.split(b"\0") if one)

    def cells(self, name: str) -> tuple[int, ...]:
        """A property that is a list of 32-bit numbers; empty where the node does not have it."""
        value = self.properties.get(name, b"")
        return struct.unpack(f">{len(value) // 4}I", value[: len(value) // 4 * 4])

    def all(self) -> Iterator["FdtNode"]:
        """This node and all below it."""
        yield self
        for child in self.children.values():
            yield from child.all()


def read_fdt(data: bytes) -> FdtNode:
    """The root of the device tree in `data`, which may be followed by anything; `BuilderError` says what is damaged."""
    if len(data) < _HEADER.size:
        raise BuilderError(f"a device tree has at least {_HEADER.size} bytes, this has {len(data)}")
    magic, total, structure, strings, _, version, _, _, strings_size, structure_size = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise BuilderError(f"no device tree: it begins with {magic:#010x}, not with {MAGIC:#010x}")
    if version < _VERSION:
        raise BuilderError(f"a device tree of format {version}; at least {_VERSION} is needed")
    if total > len(data):
        raise BuilderError(f"the device tree is cut: it says that it has {total} bytes, and has {len(data)}")
    if structure + structure_size > total or strings + strings_size > total:
        raise BuilderError("the device tree is damaged: its parts lie outside of it")
    reader = _Reader(data=data[structure : structure + structure_size], names=data[strings : strings + strings_size])
    try:
        return reader.root()
    except (struct.error, IndexError):
        raise BuilderError("the device tree is damaged: its nodes do not end") from None


@dataclass(slots=True, kw_only=True)
class _Reader:
    """The structure of a tree, read from `position` on; `names` are those of its properties."""

    data: bytes
    names: bytes
    position: int = 0

    def root(self) -> FdtNode:
        if self._token() != _BEGIN:
            raise BuilderError("the device tree is damaged: it has no root")
        root = self._node()
        if self._token() != _FINISH:
            raise BuilderError("the device tree is damaged: something follows its root")
        return root

    def _node(self) -> FdtNode:
        name = self._string()
        properties: dict[str, bytes] = {}
        children: dict[str, FdtNode] = {}
        while (token := self._token()) != _END:
            if token == _PROPERTY:
                key, value = self._property()
                properties[key] = value
            elif token == _BEGIN:
                child = self._node()
                children[child.name] = child
            else:
                raise BuilderError(f"the device tree is damaged: {token} at byte {self.position - 4} of its structure")
        return FdtNode(name=name, properties=properties, children=children)

    def _token(self) -> int:
        token = _NOP
        while token == _NOP:
            (token,) = struct.unpack_from(">I", self.data, self.position)
            self.position += 4
        return int(token)

    def _string(self) -> str:
        end = self.data.find(b"\0", self.position)
        if end < 0:
            raise IndexError
        name = self.data[self.position : end].decode(errors="replace")
        self._go_to(end + 1)
        return name

    def _property(self) -> tuple[str, bytes]:
        size_bytes, name_at = _PROPERTY_HEADER.unpack_from(self.data, self.position)
        start = self.position + _PROPERTY_HEADER.size
        if start + size_bytes > len(self.data) or name_at >= len(self.names):
            raise IndexError
        self._go_to(start + size_bytes)
        name = self.names[name_at : self.names.find(b"\0", name_at)].decode(errors="replace")
        return name, self.data[start : start + size_bytes]

    def _go_to(self, position: int) -> None:
        """Everything begins at a multiple of four bytes."""
        self.position = position + -position % 4

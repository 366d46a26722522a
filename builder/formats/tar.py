"""Tar archives (POSIX pax, ustar and GNU's long names), read from memory and written so that equal trees give equal bytes.

Python's tarfile takes 60 to 100 microseconds for each member, which for a root file system of 20,000 is longer than all else.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from builder.core.errors import BuilderError

BLOCK_BYTES = 512
_END = bytes(2 * BLOCK_BYTES)
# GNU tar's record; readers of tapes expect whole ones.
_RECORD_BYTES = 20 * BLOCK_BYTES
_LONGEST_NAME, _LONGEST_PREFIX, _LONGEST_LINK = 100, 155, 100
_MOST_ID = 0o7777777
_CAPABILITIES = "SCHILY.xattr.security.capability"

REGULAR, HARDLINK, SYMLINK, DIRECTORY = "0", "1", "2", "5"
_NAMES = {"\0": REGULAR, "7": REGULAR}
_LONG_NAME, _LONG_LINK, _PAX, _PAX_GLOBAL = "L", "K", "x", "g"
# Far above what names and attributes take.
_MOST_EXTENSION_BYTES = 1 << 20


class Archive(Protocol):
    """Bytes that are there as a whole."""

    def __len__(self) -> int: ...
    def __getitem__(self, where: slice, /) -> bytes: ...


class Stream(Protocol):
    """Bytes that are read once, from the first to the last."""

    @property
    def position(self) -> int:
        """How many were read or passed."""

    def read(self, size_bytes: int) -> bytes:
        """The next ones; fewer only at the end."""

    def skip(self, size_bytes: int) -> int:
        """Pass the next ones; how many there were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TarMember:
    """One member; `type` is the letter of the format, `offset` where its content begins in the archive, in bytes."""

    name: str
    type: str
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    user: str = ""
    group: str = ""
    mtime_s: int = 0
    size_bytes: int = 0
    link: str = ""
    offset: int = 0
    capabilities: bytes = field(default=b"", repr=False)


def read_members(archive: Archive) -> Iterator[TarMember]:
    """The members of an uncompressed archive in its order; `BuilderError` where it is damaged or cut."""
    position = 0
    pending: dict[str, bytes] = {}
    while position + BLOCK_BYTES <= len(archive):
        header = archive[position : position + BLOCK_BYTES]
        if header == bytes(BLOCK_BYTES):
            return
        member = _parse(header, position)
        position = member.offset + _padded(member.size_bytes)
        if position > len(archive):
            raise BuilderError(f"the tar archive is cut in the member {member.name!r}")
        if member.type in (_LONG_NAME, _LONG_LINK, _PAX, _PAX_GLOBAL):
            pending |= _extension(member, archive[member.offset : member.offset + member.size_bytes])
            continue
        yield _extended(member, pending) if pending else member
        pending = {}
    raise BuilderError("the tar archive has no end: it is cut")


def header_bytes(member: TarMember) -> bytes:
    """The blocks that stand before the content of `member`; names, links and owners of any size, capabilities."""
    name = member.name.encode(errors="surrogateescape")
    link = member.link.encode(errors="surrogateescape")
    prefix, last = _split(name)
    extended: dict[str, bytes] = {}
    if last is None:
        extended["path"] = name
    if len(link) > _LONGEST_LINK:
        extended["linkpath"] = link
    for key, number in (("uid", member.uid), ("gid", member.gid)):
        if number > _MOST_ID:
            extended[key] = str(number).encode()
    if member.capabilities:
        extended[_CAPABILITIES] = member.capabilities
    header = _header(member, (prefix, name[:_LONGEST_NAME] if last is None else last, link[:_LONGEST_LINK]))
    if not extended:
        return header
    records = b"".join(_record(key, value) for key, value in sorted(extended.items()))
    marker = TarMember(name="", type=_PAX, size_bytes=len(records), mtime_s=member.mtime_s)
    return _header(marker, (b"", b"pax", b"")) + records + bytes(-len(records) % BLOCK_BYTES) + header


def padding_bytes(size_bytes: int) -> bytes:
    """What follows a content of this size."""
    return bytes(-size_bytes % BLOCK_BYTES)


def end_bytes(size_bytes: int) -> bytes:
    """What ends an archive whose members take `size_bytes`."""
    return _END + bytes(-(size_bytes + len(_END)) % _RECORD_BYTES)


def _padded(size_bytes: int) -> int:
    return size_bytes + -size_bytes % BLOCK_BYTES


def _parse(header: bytes, position: int) -> TarMember:
    total = sum(header) - sum(header[148:156]) + 8 * 0x20
    if total != _number(header[148:156]):
        raise BuilderError(f"the tar archive is damaged: no header at byte {position}")
    name = _text(header[0:100])
    if header[257:263] == b"ustar\0" and (prefix := _text(header[345:500])):
        name = f"{prefix}/{name}"
    letter = chr(header[156])
    kind = _NAMES.get(letter, letter)
    return TarMember(
        name=name,
        type=kind,
        mode=_number(header[100:108]) & 0o7777,
        uid=_number(header[108:116]),
        gid=_number(header[116:124]),
        # Links have no content, whatever size some archivers write.
        size_bytes=0 if kind in (HARDLINK, SYMLINK, DIRECTORY) else _number(header[124:136]),
        mtime_s=_number(header[136:148]),
        link=_text(header[157:257]),
        user=_text(header[265:297]),
        group=_text(header[297:329]),
        offset=position + BLOCK_BYTES,
    )


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode(errors="surrogateescape")


def _number(raw: bytes) -> int:
    if raw[0] & 0x80:  # GNU: big-endian, for what has no room in octal digits
        return int.from_bytes(bytes([raw[0] & 0x7F]) + raw[1:], "big")
    try:
        return int(raw.strip(b" \0") or b"0", 8)
    except ValueError:
        raise BuilderError("the tar archive is damaged: a number in a header is none") from None


def _extension(member: TarMember, data: bytes) -> Mapping[str, bytes]:
    if member.type == _LONG_NAME:
        return {"path": data.rstrip(b"\0")}
    if member.type == _LONG_LINK:
        return {"linkpath": data.rstrip(b"\0")}
    if member.type == _PAX_GLOBAL:
        return {}
    found: dict[str, bytes] = {}
    while data:
        length, _, _ = data.partition(b" ")
        if not length.isdigit() or not 0 < int(length) <= len(data):
            raise BuilderError("the tar archive is damaged: an extended header is none")
        key, _, value = data[len(length) + 1 : int(length) - 1].partition(b"=")
        found[key.decode(errors="replace")] = value
        data = data[int(length) :]
    return found


def _extended(member: TarMember, records: Mapping[str, bytes]) -> TarMember:
    def number(key: str, value: int) -> int:
        return int(float(records[key])) if key in records else value

    def text(key: str, value: str) -> str:
        return records[key].decode(errors="surrogateescape") if key in records else value

    return TarMember(
        name=text("path", member.name),
        type=member.type,
        mode=member.mode,
        uid=number("uid", member.uid),
        gid=number("gid", member.gid),
        user=text("uname", member.user),
        group=text("gname", member.group),
        mtime_s=number("mtime", member.mtime_s),
        size_bytes=member.size_bytes,
        link=text("linkpath", member.link),
        offset=member.offset,
        capabilities=records.get(_CAPABILITIES, b""),
    )


def _split(name: bytes) -> tuple[bytes, bytes | None]:
    """`name` as ustar stores it: a prefix and the rest; no rest where it does not fit."""
    if len(name) <= _LONGEST_NAME:
        return b"", name
    # A prefix that is a dot alone is more than sqfstar understands.
    cut = name.find(b"/", max(len(b"./") if name.startswith(b"./") else 0, len(name) - _LONGEST_NAME - 1))
    if cut < 0 or cut > _LONGEST_PREFIX or cut + 1 == len(name):
        return b"", None
    return name[:cut], name[cut + 1 :]


def _header(member: TarMember, names: tuple[bytes, bytes, bytes]) -> bytes:
    prefix, name, link = names
    header = bytearray(BLOCK_BYTES)
    header[0 : len(name)] = name
    header[100:156] = b"%07o\0%07o\0%07o\0%011o\0%011o\0        " % (
        member.mode, min(member.uid, _MOST_ID), min(member.gid, _MOST_ID), member.size_bytes, member.mtime_s,
    )  # fmt: skip
    header[156] = ord(member.type)
    header[157 : 157 + len(link)] = link
    header[257:265] = b"ustar\00000"
    header[345 : 345 + len(prefix)] = prefix
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def _record(key: str, value: bytes) -> bytes:
    """A pax record, whose length counts its own digits."""
    body = b" " + key.encode() + b"=" + value + b"\n"
    length = len(body) + len(str(len(body)))
    length = len(body) + len(str(length))
    return str(length).encode() + body


class MemberContent:
    """What is in a member of an archive that is read once; what is left of it is passed when the next one is asked for."""

    def __init__(self, source: Stream, member: TarMember) -> None:
        self._source = source
        self._name = member.name
        self._left_bytes = member.size_bytes
        self._padding_bytes = _padded(member.size_bytes) - member.size_bytes

    def read(self, size_bytes: int) -> bytes:
        """The next bytes, fewer only at its end."""
        wanted_bytes = min(size_bytes, self._left_bytes)
        data = self._source.read(wanted_bytes)
        self._left_bytes -= len(data)
        if len(data) < wanted_bytes:
            raise self._cut
        return data

    def finish(self) -> None:
        """Pass what is left."""
        rest = self._left_bytes + self._padding_bytes
        if self._source.skip(rest) < rest:
            raise self._cut

    @property
    def _cut(self) -> BuilderError:
        return BuilderError(f"the tar archive is cut in the member {self._name!r}")


def stream_members(source: Stream) -> Iterator[tuple[TarMember, MemberContent]]:
    """The members of an archive that is read once from its beginning, each with its content.

    Their `offset` says nothing. `BuilderError` where the archive is damaged or cut; what follows its end is left unread.
    """
    pending: dict[str, bytes] = {}
    while len(header := source.read(BLOCK_BYTES)) == BLOCK_BYTES:
        if header == bytes(BLOCK_BYTES):
            return
        member = _parse(header, source.position - BLOCK_BYTES)
        content = MemberContent(source, member)
        if member.type in (_LONG_NAME, _LONG_LINK, _PAX, _PAX_GLOBAL):
            if member.size_bytes > _MOST_EXTENSION_BYTES:
                raise BuilderError("the tar archive is damaged: an extended header is larger than any name")
            pending |= _extension(member, content.read(member.size_bytes))
        else:
            member = _extended(member, pending) if pending else member
            pending = {}
            yield member, content
        content.finish()
    raise BuilderError("the tar archive has no end: it is cut")

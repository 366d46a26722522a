import io
import tarfile
from dataclasses import replace

import pytest

from builder.core.errors import BuilderError
from builder.formats.tar import (
    DIRECTORY,
    HARDLINK,
    REGULAR,
    SYMLINK,
    TarMember,
    end_bytes,
    header_bytes,
    padding_bytes,
    read_members,
)

LONG = "usr/share/" + "directory/" * 12 + "n" * 60


def archive(*entries: tuple[TarMember, bytes]) -> bytes:
    data = b"".join(header_bytes(one) + content + padding_bytes(len(content)) for one, content in entries)
    return data + end_bytes(len(data))


@pytest.mark.parametrize(
    "member",
    [
        TarMember(name="./etc/passwd", type=REGULAR, mode=0o4755, uid=7, gid=42, mtime_s=1_795_525_665, size_bytes=5),
        TarMember(name=f"./{LONG}", type=REGULAR, size_bytes=5),
        TarMember(name="x" * 101, type=REGULAR, size_bytes=5),
        TarMember(name="y" * 300, type=REGULAR, size_bytes=5),
        TarMember(name="./ü/ß", type=REGULAR, size_bytes=5),
        TarMember(name="./link", type=SYMLINK, mode=0o777, link="../" * 60),
        TarMember(name="./hard", type=HARDLINK, link="./etc/passwd"),
        TarMember(name="./dir/", type=DIRECTORY, mode=0o1777),
        TarMember(name="./nobody", type=REGULAR, uid=4_000_000_000, gid=3_000_000, size_bytes=5),
        TarMember(name="./ping", type=REGULAR, size_bytes=5, capabilities=b"\1\0\0\2\0 \0\0" + bytes(12)),
    ],
)
def test_what_is_written_is_read_again_here_and_by_python(member: TarMember) -> None:
    data = archive((member, b"12345" if member.type == REGULAR else b""))
    (found,) = read_members(data)
    assert replace(found, offset=0) == replace(member, offset=0)
    with tarfile.open(fileobj=io.BytesIO(data)) as other:
        (entry,) = other.getmembers()
        assert entry.name == member.name.rstrip("/")
        assert (entry.mode, entry.uid, entry.gid, entry.linkname) == (member.mode, member.uid, member.gid, member.link)
        if member.type == REGULAR:
            stream = other.extractfile(entry)
            assert stream is not None
            assert stream.read() == b"12345"
            assert data[found.offset : found.offset + 5] == b"12345"


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_archives_of_others_are_read(form: int) -> None:
    stream = io.BytesIO()
    name = LONG if form != tarfile.USTAR_FORMAT else "usr/share/doc"
    with tarfile.open(fileobj=stream, mode="w", format=form) as writer:
        member = tarfile.TarInfo(name)
        member.size, member.uname = 3, "root"
        writer.addfile(member, io.BytesIO(b"abc"))
        link = tarfile.TarInfo("l")
        link.type, link.linkname = tarfile.SYMTYPE, name
        writer.addfile(link)
    first, second = read_members(stream.getvalue())
    assert (first.name, first.size_bytes, first.user) == (name, 3, "root")
    assert (second.type, second.link) == (SYMLINK, name)


def test_equal_members_give_equal_bytes_in_whole_records() -> None:
    member = TarMember(name="./a", type=REGULAR, size_bytes=3)
    assert archive((member, b"abc")) == archive((member, b"abc"))
    assert len(archive((member, b"abc"))) % 10240 == 0


def test_damage_is_told() -> None:
    good = archive((TarMember(name="./a", type=REGULAR, size_bytes=1500), bytes(1500)))
    with pytest.raises(BuilderError, match="no header at byte 0"):
        list(read_members(good[:10] + b"?" + good[11:]))
    with pytest.raises(BuilderError, match=r"cut in the member './a'"):
        list(read_members(good[:1024]))
    with pytest.raises(BuilderError, match="no end"):
        list(read_members(good[:2048]))


def test_no_prefix_is_a_dot_alone_which_sqfstar_refuses() -> None:
    for length in range(90, 250):
        name = ("./usr/lib/" + "module/" * 40)[: length - 5] + "a.txt"
        header = header_bytes(TarMember(name=name, type=REGULAR))[-512:]
        assert header[345:500].rstrip(b"\0") != b"."

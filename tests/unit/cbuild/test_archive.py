import io
import tarfile
from pathlib import Path

import pytest

from builder.cbuild.archive import unpack_source
from builder.core.errors import BuilderError


def archive(place: Path, *members: tarfile.TarInfo) -> Path:
    path = place / "source.orig.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, *, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, target, 0o755
    info.size = 3 if kind == tarfile.REGTYPE else 0
    return info


def test_the_first_directory_is_left_out(tmp_path: Path) -> None:
    made = archive(tmp_path, member("top", tarfile.DIRTYPE), member("top/src/a.c"), member("./top/b.c"))
    unpack_source(made, tmp_path / "tree")
    assert (tmp_path / "tree/src/a.c").read_bytes() == b"xxx"
    assert (tmp_path / "tree/b.c").stat().st_mode & 0o111 == 0


def test_links_and_devices_do_not_arrive(tmp_path: Path) -> None:
    made = archive(
        tmp_path,
        member("top/a.c"),
        member("top/link", tarfile.SYMTYPE, target="/etc/passwd"),
        member("top/d", tarfile.CHRTYPE),
    )
    unpack_source(made, tmp_path / "tree")
    assert [path.name for path in (tmp_path / "tree").iterdir()] == ["a.c"]


@pytest.mark.parametrize("name", ["top/../../outside", "/top/a.c", "a.c", "../a/b.c"])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BuilderError, match="one directory was expected"):
        unpack_source(archive(tmp_path, member(name)), tmp_path / "tree")
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("size_bytes", [0, 40, 100])
def test_an_archive_that_is_cut_is_told(tmp_path: Path, size_bytes: int) -> None:
    made = archive(tmp_path, *(member(f"top/{number}.c") for number in range(50)))
    made.write_bytes(made.read_bytes()[:size_bytes])
    with pytest.raises(BuilderError, match=r"source\.orig\.tar\.gz cannot be unpacked"):
        unpack_source(made, tmp_path / "tree")

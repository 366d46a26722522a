import stat
import tarfile
from pathlib import Path

import pytest

from builder.core.errors import BuilderError
from builder.formats.deb import extract_all, extract_files, list_members
from tests.unit.debian.packages import COMPRESS, ar, deb, directory, file, link, tar, write_deb

LIBRARY = [
    directory("./"),
    directory("./usr/"),
    directory("./usr/lib/"),
    file("./usr/lib/libx.so.1.2", b"library " * 1000),
    link("./usr/lib/libx.so.1", "libx.so.1.2"),
    file("./usr/bin/tool", b"#!tool", mode=0o755),
    link("./usr/bin/again", "./usr/bin/tool", tarfile.LNKTYPE),
]


@pytest.mark.parametrize("suffix", sorted(COMPRESS))
def test_all_compressions_bring_the_same(suffix: str, tmp_path: Path) -> None:
    package = write_deb(tmp_path / "x.deb", LIBRARY, suffix)
    extract_all(package, tmp_path)
    assert (tmp_path / "usr/lib/libx.so.1.2").read_bytes() == b"library " * 1000
    assert (tmp_path / "usr/lib/libx.so.1").readlink() == Path("libx.so.1.2")
    assert stat.S_IMODE((tmp_path / "usr/bin/tool").stat().st_mode) == 0o755
    assert (tmp_path / "usr/bin/again").samefile(tmp_path / "usr/bin/tool")


def test_members_are_told_with_relative_names(tmp_path: Path) -> None:
    package = write_deb(tmp_path / "x.deb", LIBRARY)
    assert [one.name for one in list_members(package)] == [
        "usr", "usr/lib", "usr/lib/libx.so.1.2", "usr/lib/libx.so.1", "usr/bin/tool", "usr/bin/again",
    ]  # fmt: skip


def test_special_modes_and_read_only_directories_are_kept(tmp_path: Path) -> None:
    members = [directory("./d", 0o555), file("./d/su", b"su", mode=0o4755)]
    extract_all(write_deb(tmp_path / "x.deb", members), tmp_path)
    assert stat.S_IMODE((tmp_path / "d").stat().st_mode) == 0o555
    assert stat.S_IMODE((tmp_path / "d/su").stat().st_mode) == 0o4755


def test_wanted_files_are_found_behind_links(tmp_path: Path) -> None:
    members = [*LIBRARY, link("./lib", "usr/lib"), link("./abs", "/usr/lib/libx.so.1")]
    package = write_deb(tmp_path / "x.deb", members)
    paths = {
        "/usr/lib/libx.so.1": tmp_path / "one",
        "lib/libx.so.1": tmp_path / "two",
        "abs": tmp_path / "three",
        "usr/bin/again": tmp_path / "four",
    }
    extract_files(package, paths)
    assert [path.read_bytes()[:7] for path in paths.values()] == [b"library"] * 3 + [b"#!tool"]
    assert stat.S_IMODE((tmp_path / "four").stat().st_mode) == 0o755
    assert not (tmp_path / "one").is_symlink()


def test_all_missing_files_are_told(tmp_path: Path) -> None:
    members = [*LIBRARY, link("./loop", "loop"), link("./out", "../../etc/passwd")]
    package = write_deb(tmp_path / "x.deb", members)
    wanted = dict.fromkeys(("/usr/bin/no", "/usr/lib", "loop", "out", "usr/bin/tool"), tmp_path / "never")
    with pytest.raises(BuilderError, match="does not hold all files") as error:
        extract_files(package, wanted)
    assert error.value.details == tuple(f"missing: {path}" for path in ("/usr/bin/no", "/usr/lib", "loop", "out"))
    assert not (tmp_path / "never").exists()


@pytest.mark.parametrize("name", ["../evil", "./a/../../evil", "/evil", "a/.."])
def test_members_outside_of_the_package_are_refused(name: str, tmp_path: Path) -> None:
    target = tmp_path / "in" / "side"
    target.mkdir(parents=True)
    with pytest.raises(BuilderError, match="outside of the package"):
        extract_all(write_deb(tmp_path / "x.deb", [file(name, b"x")]), target)
    assert not list(tmp_path.rglob("evil"))


def test_nothing_is_written_through_links(tmp_path: Path) -> None:
    target = tmp_path / "in"
    target.mkdir()
    package = write_deb(tmp_path / "x.deb", [link("./a", ".."), file("./a/evil", b"x")])
    with pytest.raises(BuilderError, match="reached through 'a'"):
        extract_all(package, target)
    assert not (tmp_path / "evil").exists()


def test_nothing_is_written_over_a_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    target = tmp_path / "in"
    target.mkdir()
    package = write_deb(tmp_path / "x.deb", [link("./a", str(victim)), file("./a", b"theirs")])
    with pytest.raises(BuilderError, match="cannot be placed"):
        extract_all(package, target)
    assert victim.read_text() == "mine"


def test_a_hard_link_out_is_refused(tmp_path: Path) -> None:
    package = write_deb(tmp_path / "x.deb", [link("./a", "../x.deb", tarfile.LNKTYPE)])
    with pytest.raises(BuilderError, match="outside of the package"):
        extract_all(package, tmp_path)


def test_a_device_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuilderError, match="neither a file"):
        extract_all(write_deb(tmp_path / "x.deb", [link("./null", "", tarfile.CHRTYPE)]), tmp_path)


@pytest.mark.parametrize("suffix", sorted(COMPRESS))
def test_every_cut_is_told(suffix: str, tmp_path: Path) -> None:
    whole = deb(LIBRARY, suffix)
    package = tmp_path / "x.deb"
    for length in range(0, len(whole) - 20, 97 if suffix == "" else 7):
        package.write_bytes(whole[:length])
        with pytest.raises(BuilderError, match="damaged"):
            list_members(package)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no ar archive"),
        (b"<html>", "no ar archive"),
        (b"!<arch>\n", "no data.tar"),
        (b"!<arch>\n" + b"x" * 60, "a header of the ar archive"),
        (ar([("debian-binary", b"2.0\n")]), "no data.tar"),
        (ar([("debian-binary", b"3.0\n"), ("data.tar", tar([]))]), "a format that is not known"),
        (ar([("debian-binary", b"2.0\n"), ("data.tar.lz", b"LZIP")]), "compressed in a way"),
        (ar([("debian-binary", b"2.0\n"), ("data.tar.xz", b"no xz at all")]), "damaged"),
        (ar([("debian-binary", b"2.0\n"), ("data.tar.zst", b"no zstd at all")]), "damaged"),
        (ar([("debian-binary", b"2.0\n"), ("data.tar.gz", b"no gzip at all")]), "damaged"),
        (ar([("debian-binary", b"2.0\n"), ("data.tar", b"no tar" * 500)]), "damaged"),
    ],
)
def test_what_is_no_package_is_told(data: bytes, message: str, tmp_path: Path) -> None:
    package = tmp_path / "x.deb"
    package.write_bytes(data)
    with pytest.raises(BuilderError, match=message):
        list_members(package)

from hashlib import sha256
from pathlib import Path

import pytest

from builder.core.errors import BuilderError
from builder.rootfs.flat_repository import write_repository
from tests.unit.debian.packages import COMPRESS, ar, file, tar


def write_package(path: Path, control: str) -> Path:
    archive = COMPRESS[".xz"](tar([file("./postinst", b""), file("./control", control.encode())]))
    data = COMPRESS[".xz"](tar([]))
    path.write_bytes(ar([("debian-binary", b"2.0\n"), ("control.tar.xz", archive), ("data.tar.xz", data)]))
    return path


def test_the_index_names_each_file_with_its_size_and_digest(tmp_path: Path) -> None:
    one = write_package(tmp_path / "one_1%3a2_all.deb", "Package: one\nVersion: 1:2\nDescription: first\n more of it\n")
    two = write_package(tmp_path / "two_3_all.deb", "Package: two\nVersion: 3\nEssential: yes\n\n")
    assert write_repository([two, one], tmp_path / "repository") == {"one": "1:2", "two": "3"}
    stanzas = (tmp_path / "repository/Packages").read_text().split("\n\n")
    assert stanzas[0] == (
        "Package: one\nVersion: 1:2\nDescription: first\n more of it\n"
        f"Filename: ./one_1.2_all.deb\nSize: {one.stat().st_size}\nSHA256: {sha256(one.read_bytes()).hexdigest()}"
    )
    assert "Essential: yes\nFilename: ./two_3_all.deb\n" in stanzas[1]
    assert (tmp_path / "repository/one_1.2_all.deb").read_bytes() == one.read_bytes()
    assert {path.name for path in (tmp_path / "repository").iterdir()} == {
        "Packages", "one_1.2_all.deb", "two_3_all.deb",
    }  # fmt: skip


def test_a_package_in_two_versions_is_refused(tmp_path: Path) -> None:
    debs = [write_package(tmp_path / f"one_{n}_all.deb", f"Package: one\nVersion: {n}\n") for n in (1, 2)]
    with pytest.raises(BuilderError, match=r"one is to be installed twice: as 1 and as one_2_all\.deb"):
        write_repository(debs, tmp_path / "repository")


def test_fields_that_belong_to_an_index_are_refused(tmp_path: Path) -> None:
    package = write_package(tmp_path / "one_1_all.deb", "Package: one\nVersion: 1\nFilename: elsewhere\n")
    with pytest.raises(BuilderError, match="has fields of an index: filename"):
        write_repository([package], tmp_path / "repository")

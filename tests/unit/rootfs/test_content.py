import os
import tarfile
from pathlib import Path

import pytest

from builder.core.errors import BuilderError
from tests.unit.rootfs.samples import directory, file, link, make_deb, opened, unpacked


def test_a_package_is_read_as_it_was_written(tmp_path: Path) -> None:
    members = [
        directory("./"),
        directory("./etc/"),
        file("./etc/sample.conf", b"a=1\n", 0o640),
        link("./etc/other", "sample.conf"),
        link("./etc/hard", "./etc/sample.conf", tarfile.LNKTYPE),
    ]
    deb = make_deb(
        tmp_path, "sample", members, {"postinst": "#!/bin/sh\nexit 0\n"}, Multi_Arch="same", Architecture="armhf"
    )
    with opened(deb) as packages:
        package = packages["sample"]
        assert (package.version, package.architecture, package.info_name) == ("1.0", "armhf", "sample:armhf")
        assert package.text("postinst") == "#!/bin/sh\nexit 0\n"
        assert package.text("preinst") == ""
        assert [(one.name, one.type, one.mode) for one in package.members][:2] == [
            ("etc", "5", 0o755),
            ("etc/sample.conf", "0", 0o640),
        ]
        hard = package.members[3]
        assert (hard.type, hard.link) == ("1", "etc/sample.conf")
        content = package.content(package.members[1])
        assert (content.size_bytes, content.read(), content.read(2, 1)) == (4, b"a=1\n", b"=1")
        target = os.open(tmp_path / "copy", os.O_WRONLY | os.O_CREAT)
        content.copy_to(target)
        os.close(target)
    assert (tmp_path / "copy").read_bytes() == b"a=1\n"


def _device(name: str) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type = tarfile.CHRTYPE
    return member, b""


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([file("./../etc/passwd", b"x")], r"'./../etc/passwd' would lie outside"),
        ([file("/etc/passwd", b"x")], "'/etc/passwd' would lie outside"),
        ([link("./a", "../../b", tarfile.LNKTYPE)], r"'../../b' would lie outside"),
        ([_device("./dev/mem")], "dev/mem is neither a file, nor a directory, nor a link"),
    ],
)
def test_hostile_members_are_refused(
    tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]], message: str
) -> None:
    with pytest.raises(BuilderError, match=message):
        unpacked(make_deb(tmp_path, "hostile", members))


@pytest.mark.parametrize("size_bytes", [0, 7, 40, 100, -80, -1])
def test_truncated_packages_are_refused(tmp_path: Path, size_bytes: int) -> None:
    deb = make_deb(tmp_path, "cut", [file("./a", os.urandom(5000))])
    data = deb.read_bytes()
    deb.write_bytes(data[:size_bytes] if size_bytes >= 0 else data[: len(data) + size_bytes])
    with pytest.raises(BuilderError, match=r"cut_1\.0_all\.deb is damaged"):
        unpacked(deb)


def test_an_altered_package_is_refused(tmp_path: Path) -> None:
    deb = make_deb(tmp_path, "altered", [file("./a", os.urandom(5000))])
    data = bytearray(deb.read_bytes())
    data[-2000] ^= 0xFF
    deb.write_bytes(bytes(data))
    with pytest.raises(BuilderError, match="damaged"):
        unpacked(deb)

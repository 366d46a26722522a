import os
import stat
import tarfile
import time
from pathlib import Path

import pytest

from builder.core.errors import BuilderError
from builder.toolchain.merge import merge_packages
from tests.unit.debian.packages import directory, file, link, write_deb


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tree").mkdir()
    return tmp_path / "tree"


def test_packages_share_directories_and_a_merged_usr(tmp_path: Path, tree: Path) -> None:
    one = write_deb(
        tmp_path / "one_1_amd64.deb",
        [directory("./"), directory("./bin"), file("./bin/one", b"one", mode=0o4755), file("./lib64/ld.so", b"ld")],
    )
    two = write_deb(
        tmp_path / "two_1_amd64.deb",
        [
            directory("./usr/"),
            directory("./usr/bin"),
            file("./usr/bin/two", b"two"),
            link("./usr/bin/again", "./bin/one"),
        ],
    )
    # base-files brings the links of the root as well.
    base = write_deb(tmp_path / "base_1_amd64.deb", [link("./bin", "usr/bin"), link("./lib64", "usr/lib64")])
    merge_packages([one, two, base], tree, cores=2)
    assert (tree / "usr/bin/one").read_bytes() == (tree / "bin/one").read_bytes() == b"one"
    assert stat.S_IMODE((tree / "usr/bin/one").stat().st_mode) == 0o755
    assert stat.S_IMODE((tree / "usr/bin/two").stat().st_mode) == 0o644
    assert {path.name: path.readlink() for path in tree.iterdir() if path.is_symlink()} == {
        name: Path("usr", name) for name in ("bin", "sbin", "lib", "lib64")
    }


def test_a_directory_is_there_before_others_put_files_into_it(
    tmp_path: Path, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    debs = [
        write_deb(
            tmp_path / f"p{number}_1_all.deb",
            [directory("./etc/"), directory("./etc/x"), file(f"./etc/x/{number}", b"")],
        )
        for number in range(4)
    ]
    make = os.mkdir

    def make_slowly(path: Path, mode: int = 0o777) -> None:
        time.sleep(0.02)
        make(path, mode)

    monkeypatch.setattr(os, "mkdir", make_slowly)
    merge_packages(debs, tree, cores=4)
    assert sorted(path.name for path in (tree / "etc/x").iterdir()) == ["0", "1", "2", "3"]


def test_absolute_links_stay_in_the_tree(tmp_path: Path, tree: Path) -> None:
    members = [
        link("./sbin/depmod", "/bin/kmod"),
        link("./usr/lib/ssl/certs", "/etc/ssl/certs"),
        link("./usr/lib/masked.service", "/dev/null"),
        link("./usr/lib/near", "far"),
    ]
    merge_packages([write_deb(tmp_path / "x_1_all.deb", members)], tree, cores=1)
    assert (tree / "usr/sbin/depmod").readlink() == Path("../bin/kmod")
    assert (tree / "usr/lib/ssl/certs").readlink() == Path("../../../etc/ssl/certs")
    assert (tree / "usr/lib/masked.service").readlink() == Path("/dev/null")
    assert (tree / "usr/lib/near").readlink() == Path("far")


def test_hard_links_are_kept(tmp_path: Path, tree: Path) -> None:
    members = [file("./bin/tool", b"tool", 0o755), link("./usr/bin/other", "./bin/tool", tarfile.LNKTYPE)]
    merge_packages([write_deb(tmp_path / "x_1_all.deb", members)], tree, cores=1)
    assert (tree / "usr/bin/other").samefile(tree / "usr/bin/tool")


def test_what_only_people_read_is_left_out(tmp_path: Path, tree: Path) -> None:
    kept = [
        "./usr/share/qemu/rom",
        "./usr/share/perl5/Module.pm",
        "./usr/share/AAVMF/AAVMF_CODE.no-secboot.fd",
        "./etc/doc/x",
    ]
    dropped = ["./usr/share/doc/x/copyright", "./usr/share/man/man1/x.1", "./usr/share/AAVMF/AAVMF_CODE.secboot.fd"]
    deb = write_deb(tmp_path / "x_1_all.deb", [file(name, b"x") for name in kept + dropped])
    merge_packages([deb], tree, cores=1)
    files = {f"./{path.relative_to(tree)}" for path in tree.rglob("*") if path.is_file()}
    assert files == set(kept)


def test_emulators_of_other_machines_are_left_out(tmp_path: Path, tree: Path) -> None:
    names = ["qemu-arm", "qemu-armeb", "qemu-aarch64", "qemu-sparc", "qemu-x86_64"]
    members = [file(f"./usr/bin/{name}", b"x") for name in names]
    merge_packages([write_deb(tmp_path / "qemu-user_1_amd64.deb", members)], tree, cores=1)
    assert sorted(path.name for path in (tree / "usr/bin").iterdir()) == ["qemu-aarch64", "qemu-arm", "qemu-x86_64"]


def test_all_conflicts_are_told(tmp_path: Path, tree: Path) -> None:
    one = write_deb(
        tmp_path / "one_1_all.deb",
        [
            file("./bin/same", b"1"),
            link("./usr/lib/dir", "other"),
            link("./usr/lib/link", "a"),
            link("./usr/lib/equal", "b"),
        ],
    )
    two = write_deb(
        tmp_path / "two_1_all.deb",
        [
            file("./usr/bin/same", b"1"),
            file("./usr/lib/dir/x", b"2"),
            link("./usr/lib/link", "c"),
            link("./lib/equal", "b"),
        ],
    )
    with pytest.raises(BuilderError, match="do not go together") as error:
        merge_packages([one, two], tree, cores=1)
    assert error.value.details == (
        "usr/bin/same: file of one, file of two",
        "usr/lib/dir: link to other of one, directory of two",
        "usr/lib/link: link to a of one, link to c of two",
    )


def test_nothing_is_written_through_a_link_of_another_package(tmp_path: Path, tree: Path) -> None:
    (tmp_path / "outside").mkdir()
    one = write_deb(tmp_path / "one_1_all.deb", [link("./usr/lib/out", "../../../outside"), file("./big", b"x" * 9999)])
    two = write_deb(tmp_path / "two_1_all.deb", [file("./usr/lib/out/file", b"x")])
    with pytest.raises(BuilderError, match="do not go together"):
        merge_packages([one, two], tree, cores=1)
    assert not list((tmp_path / "outside").iterdir())


def test_awk_is_there_where_mawk_is(tmp_path: Path, tree: Path) -> None:
    merge_packages([write_deb(tmp_path / "mawk_1_all.deb", [file("./usr/bin/mawk", b"x", 0o755)])], tree, cores=1)
    assert (tree / "usr/bin/awk").readlink() == Path("mawk")
    assert not os.path.lexists(tree / "usr/bin/pager")


def test_a_damaged_package_is_told(tmp_path: Path, tree: Path) -> None:
    deb = write_deb(tmp_path / "x_1_all.deb", [file("./x", b"x" * 100_000)])
    deb.write_bytes(deb.read_bytes()[:-100])
    with pytest.raises(BuilderError, match=r"x_1_all\.deb is damaged"):
        merge_packages([deb], tree, cores=2)

import tarfile
from pathlib import Path

import pytest

from builder.core.errors import BuilderError
from builder.rootfs.merge import Merge
from builder.rootfs.tree import Kind, Tree
from tests.unit.rootfs.samples import directory, file, link, make_deb, opened


def merged(*debs: Path, architecture: str = "armhf", diversions: dict[str, tuple[str, str]] | None = None) -> Tree:
    with opened(*debs) as packages:
        tree = Tree()
        Merge(tree=tree, packages=packages, diversions=diversions or {}).run(architecture)
        # What is read later must not need the packages any more.
        for path, node in tree.nodes.items():
            if node.content is not None:
                tree.nodes[path] = node
                node.content.read()
        return tree


def test_directories_are_shared_and_usr_is_merged(tmp_path: Path) -> None:
    one = make_deb(tmp_path, "one", [directory("./etc", 0o700), file("./bin/a", b"a", 0o755), file("./lib/x.so", b"")])
    two = make_deb(tmp_path, "two", [directory("./etc", 0o755), file("./etc/two", b""), file("./usr/bin/b", b"")])
    tree = merged(one, two)
    assert tree.nodes["etc"].mode == 0o700
    assert tree.nodes["bin"].target == "usr/bin"
    assert {"usr/bin/a", "usr/bin/b", "usr/lib/x.so", "etc/two"} <= tree.nodes.keys()
    assert tree.nodes["usr/bin/a"].owner == "one"
    assert "lib64" not in tree.nodes


def test_the_first_word_on_directories_has_base_files(tmp_path: Path) -> None:
    base = make_deb(
        tmp_path, "base-files", [directory("./tmp", 0o1777), link("./bin", "usr/bin"), link("./lib64", "usr/lib64")]
    )
    other = make_deb(tmp_path, "aaa", [directory("./tmp", 0o755)])
    tree = merged(base, other, architecture="amd64")
    assert tree.nodes["tmp"].mode == 0o1777
    assert tree.nodes["lib64"].target == "usr/lib64"


def test_all_conflicts_are_told_together(tmp_path: Path) -> None:
    one = make_deb(tmp_path, "one", [file("./etc/same", b"1"), file("./etc/other", b"1"), directory("./etc/kind")])
    two = make_deb(tmp_path, "two", [file("./etc/same", b"2"), file("./etc/other", b"1"), file("./etc/kind", b"")])
    with pytest.raises(BuilderError) as caught:
        merged(one, two)
    assert caught.value.details == (
        "etc/same: two and one both have it",
        "etc/other: two and one both have it",
        "etc/kind: two and one both have it",
    )


def test_a_link_in_place_of_that_into_usr_is_a_conflict(tmp_path: Path) -> None:
    one = make_deb(tmp_path, "one", [link("./bin", "elsewhere"), link("./lib", "usr/lib")])
    with pytest.raises(BuilderError) as caught:
        merged(one)
    assert caught.value.details == ("bin: one and the merged /usr both have it",)


@pytest.mark.parametrize("names", [("aaa", "zzz"), ("zzz", "aaa")])
def test_replaces_decides(tmp_path: Path, names: tuple[str, str]) -> None:
    new, old = names
    debs = [
        make_deb(tmp_path, new, [file("./etc/f", b"new")], Replaces=f"other, {old} (<< 2)"),
        make_deb(tmp_path, old, [file("./etc/f", b"old")]),
    ]
    tree = merged(*debs)
    assert tree.nodes["etc/f"].owner == new


def test_replaces_of_another_version_does_not_count(tmp_path: Path) -> None:
    new = make_deb(tmp_path, "new", [file("./etc/f", b"new")], Replaces="old (<< 1.0)")
    old = make_deb(tmp_path, "old", [file("./etc/f", b"old")])
    with pytest.raises(BuilderError, match="claim the same paths"):
        merged(new, old)


def test_diversions_move_the_files_of_others(tmp_path: Path) -> None:
    dash = make_deb(tmp_path, "dash", [link("./usr/bin/sh", "dash")])
    bash = make_deb(tmp_path, "bash", [link("./bin/sh", "bash")])
    tree = merged(dash, bash, diversions={"usr/bin/sh": ("usr/bin/sh.distrib", "dash")})
    assert tree.nodes["usr/bin/sh"].target == "dash"
    assert tree.nodes["usr/bin/sh.distrib"].target == "bash"


def test_a_path_through_a_link_out_of_the_root_is_refused(tmp_path: Path) -> None:
    one = make_deb(tmp_path, "one", [link("./etc/out", "../../../tmp")])
    two = make_deb(tmp_path, "two", [file("./etc/out/passwd", b"")])
    with pytest.raises(BuilderError) as caught:
        merged(one, two)
    assert caught.value.details == ("two: the path 'etc/out' leads out of the root file system",)


def test_a_path_through_another_packages_file_is_refused(tmp_path: Path) -> None:
    one = make_deb(tmp_path, "one", [file("./etc/file", b"")])
    two = make_deb(tmp_path, "two", [file("./etc/file/inner", b"")])
    with pytest.raises(BuilderError) as caught:
        merged(one, two)
    assert caught.value.details == ("two: etc/file/inner would be reached through etc/file, which is no directory",)


def test_hard_links_lead_to_where_the_other_name_is(tmp_path: Path) -> None:
    one = make_deb(tmp_path, "one", [file("./bin/perl", b"p"), link("./usr/bin/perl5", "./bin/perl", tarfile.LNKTYPE)])
    tree = merged(one)
    assert (tree.nodes["usr/bin/perl5"].kind, tree.nodes["usr/bin/perl5"].target) == (Kind.HARDLINK, "usr/bin/perl")

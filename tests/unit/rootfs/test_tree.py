import pytest

from builder.core.errors import BuilderError
from builder.rootfs.tree import Kind, Node, Tree


@pytest.fixture
def tree() -> Tree:
    tree = Tree()
    tree.make_directory("usr/bin")
    tree.link("bin", "usr/bin")
    tree.write("bin/sh", "#!\n", mode=0o755)
    return tree


def test_links_of_directories_are_followed(tree: Tree) -> None:
    assert "usr/bin/sh" in tree.nodes
    assert tree.text("/bin/sh") == "#!\n"
    assert tree.children("bin") == ["sh"]
    tree.link("usr/bin/dash", "/bin/sh")
    assert tree.text("bin/dash") == "#!\n"
    assert tree.resolve("bin/dash") == "usr/bin/dash"
    assert tree.resolve("bin/dash", follow=True) == "usr/bin/sh"
    assert tree.resolve("bin/../lib/./x") == "usr/lib/x"


def test_paths_out_of_the_tree_and_circles_are_refused(tree: Tree) -> None:
    tree.link("out", "../../etc")
    tree.link("one", "two")
    tree.link("two", "one")
    with pytest.raises(BuilderError, match="leads out of the root file system"):
        tree.write("out/passwd", "")
    with pytest.raises(BuilderError, match="leads in circles"):
        tree.read("one/x")


def test_parents_are_made_and_files_are_no_directories(tree: Tree) -> None:
    tree.write("etc/a/b", "")
    assert tree.nodes["etc/a"].kind is Kind.DIRECTORY
    with pytest.raises(BuilderError, match="etc/a/b is a file"):
        tree.write("etc/a/b/c", "")
    with pytest.raises(BuilderError, match="is to be a directory, but is a file"):
        tree.make_directory("etc/a/b")


def test_removing_takes_what_is_below(tree: Tree) -> None:
    tree.write("etc/a/b", "")
    tree.write("etc/ab", "")
    tree.remove("etc/a")
    assert not tree.exists("etc/a/b")
    assert tree.exists("etc/ab")
    tree.remove("bin")
    assert tree.exists("usr/bin/sh")


def test_hard_links_share_content(tree: Tree) -> None:
    tree.add("usr/bin/hard", Node(kind=Kind.HARDLINK, target="usr/bin/sh"))
    assert tree.text("usr/bin/hard") == "#!\n"


def test_new_nodes_belong_to_the_writer(tree: Tree) -> None:
    tree.writer = "overlay"
    tree.write("etc/new/file", "")
    assert {tree.nodes[path].owner for path in ("etc", "etc/new", "etc/new/file")} == {"overlay"}


def test_changing_what_is_not_there_is_an_error(tree: Tree) -> None:
    assert tree.change("bin/sh", mode=0o4755) == "usr/bin/sh"
    assert tree.nodes["usr/bin/sh"].mode == 0o4755
    with pytest.raises(BuilderError, match="no bin/none"):
        tree.change("bin/none", mode=0)

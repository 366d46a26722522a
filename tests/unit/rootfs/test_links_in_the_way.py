from pathlib import Path

import pytest

from builder.rootfs.customize.model import EntryKind, OverlayEntry, OverlayLayer
from builder.rootfs.customize.place import Placing
from builder.rootfs.effects.base import Image
from tests.unit.rootfs.images import small_image

FILE = OverlayEntry(kind=EntryKind.FILE, text="x")


@pytest.fixture
def image(tmp_path: Path) -> Image:
    image = small_image(tmp_path)
    image.tree.link("etc/data", "../home")
    return image


def lay(image: Image, path: str, entry: OverlayEntry) -> list[str]:
    placing = Placing(image=image, contents={}, shown={}, variables={})
    placing.overlay(OverlayLayer(name="one", entries={path: entry}))
    return placing.problems


def link(target: str) -> OverlayEntry:
    return OverlayEntry(kind=EntryKind.SYMLINK, target=target)


@pytest.mark.parametrize(
    ("path", "entry", "problem"),
    [
        ("lib", FILE, "/lib: it is a file, but base has a symlink there, which leads to a directory"),
        ("etc/data", FILE, "/etc/data: it is a file, but the system has a symlink there, which leads to a directory"),
        ("sbin", link("usr/bin"), "/sbin: it leads to usr/bin, but base has a symlink there, which leads to usr/sbin"),
    ],
)
def test_the_way_to_directories_is_not_cut(image: Image, path: str, entry: OverlayEntry, problem: str) -> None:
    before = dict(image.tree.nodes)
    assert lay(image, path, entry) == [f"overlay one: {problem}"]
    assert image.tree.nodes == before


@pytest.mark.parametrize(("path", "target"), [("bin", "/usr/bin"), ("etc/data", "../run"), ("etc/link", "nowhere")])
def test_other_links_are_laid(image: Image, path: str, target: str) -> None:
    assert lay(image, path, link(target)) == []
    assert image.tree.nodes[path].target == target


def test_what_lies_behind_a_link_lands_where_it_leads(image: Image) -> None:
    assert lay(image, "lib/x/y", FILE) == []
    assert image.tree.read("usr/lib/x/y") == b"x"
    assert "lib/x/y" not in image.tree.nodes


def test_a_way_out_of_the_root_file_system_is_told(image: Image) -> None:
    image.tree.link("etc/out", "../../elsewhere")
    assert lay(image, "etc/out/file", FILE) == [
        "overlay one: /etc/out/file: the path 'etc/out/file' leads out of the root file system"
    ]

"""Laying overlays and single files over a tree."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from builder.rootfs.customize.model import EntryKind, OverlayEntry, OverlayLayer
from builder.rootfs.customize.place import Placing
from builder.rootfs.effects.base import Image
from builder.rootfs.tree import Kind, Node
from tests.unit.rootfs.images import small_image

DIRECTORY = OverlayEntry(kind=EntryKind.DIRECTORY)


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return small_image(tmp_path)


def file(text: str = "", mode: str = "0644", **owners: str) -> OverlayEntry:
    return OverlayEntry(kind=EntryKind.FILE, mode=mode, text=text, **owners)


def link(target: str) -> OverlayEntry:
    return OverlayEntry(kind=EntryKind.SYMLINK, target=target)


def placing(image: Image, **contents: Path) -> Placing:
    return Placing(
        image=image, contents=contents, shown={name: str(path) for name, path in contents.items()}, variables={}
    )


def lay(image: Image, *layers: Mapping[str, OverlayEntry], replaces: tuple[str, ...] = ()) -> list[str]:
    """What is wrong with layers `one`, `two`, ...; the last one may replace `replaces`."""
    placed = placing(image)
    for number, (name, entries) in enumerate(zip(("one", "two", "three"), layers, strict=False), 1):
        image.tree.writer = f"overlay {name}"
        placed.overlay(OverlayLayer(name=name, entries=entries, replaces=replaces if number == len(layers) else ()))
    return placed.problems


def test_files_links_and_directories_are_placed(image: Image) -> None:
    layer = {"etc/app": DIRECTORY, "etc/app/conf": file("x", "0640", group="adm"), "etc/app/link": link("conf")}
    assert not lay(image, layer)
    node = image.tree.nodes["etc/app/conf"]
    assert (node.mode, node.uid, node.gid, node.owner) == (0o640, 0, 4, "overlay one")
    assert image.tree.text("etc/app/link") == "x"
    assert image.tree.nodes["etc/app"].mode == 0o755


def test_contents_come_from_files(image: Image, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("{{ 1 + 1 }}")
    placed = placing(image, source=source)
    entries = {
        "etc/plain": OverlayEntry(kind=EntryKind.FILE, mode="0755", source="source"),
        "etc/rendered": OverlayEntry(kind=EntryKind.TEMPLATE, mode="0600", source="source"),
    }
    placed.overlay(OverlayLayer(name="one", entries=entries))
    assert image.tree.text("etc/plain") == "{{ 1 + 1 }}"
    assert image.tree.text("etc/rendered") == "2"
    assert image.tree.nodes["etc/rendered"].mode == 0o600
    with (tmp_path / "copy").open("wb") as stream:
        image.tree.content("etc/plain").copy_to(stream.fileno())
    assert (tmp_path / "copy").read_text() == "{{ 1 + 1 }}"


def test_what_is_reached_through_links_lands_where_they_lead(image: Image) -> None:
    assert not lay(image, {"lib": DIRECTORY, "lib/x": file("x"), "bin/tool": file()})
    assert "usr/lib/x" in image.tree.nodes
    assert "usr/bin/tool" in image.tree.nodes
    assert image.tree.nodes["lib"].kind is Kind.SYMLINK


def test_directories_that_are_there_keep_their_modes_unless_told(image: Image) -> None:
    image.tree.make_directory("root", mode=0o700)
    assert not lay(image, {"root": DIRECTORY, "root/.bashrc": file()})
    assert image.tree.nodes["root"].mode == 0o700
    assert not lay(image, {"root": OverlayEntry(kind=EntryKind.DIRECTORY, mode="0750", group="adm")})
    assert (image.tree.nodes["root"].mode, image.tree.nodes["root"].uid, image.tree.nodes["root"].gid) == (0o750, 0, 4)


def test_files_of_packages_may_be_replaced(image: Image) -> None:
    assert not lay(image, {"etc/shells": file("/bin/bash\n")})
    assert image.tree.text("etc/shells") == "/bin/bash\n"
    assert image.tree.nodes["etc/shells"].owner == "overlay one"


def test_other_names_of_a_replaced_file_keep_its_content(image: Image) -> None:
    tree = image.tree
    for name in ("usr/bin/rbash", "usr/bin/abash"):
        tree.add(name, Node(kind=Kind.HARDLINK, target="usr/bin/bash", owner="base"))
    assert not lay(image, {"usr/bin/bash": file("mine")})
    assert tree.text("usr/bin/abash") == tree.text("usr/bin/rbash") == "shell"
    assert tree.text("usr/bin/bash") == "mine"


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"etc/skel": file()}, "overlay one: /etc/skel: it is a file, but base has a directory there"),
        ({"etc/skel": link("x")}, "overlay one: /etc/skel: it is a symbolic link, but base has a directory there"),
        ({"etc/shells": DIRECTORY}, "overlay one: /etc/shells: it is a directory, but base has a file there"),
        (
            {"etc/shells/x": file()},
            "overlay one: /etc/shells/x: etc/shells/x cannot be placed: etc/shells is a file",
        ),
        ({"out/x": file()}, "overlay one: /out/x: the path 'out/x' leads out of the root file system"),
        ({"circle/x": file()}, "overlay one: /circle/x: the path 'circle/x' leads in circles"),
        (
            {"run/x": file()},
            "overlay one: /run/x: what lies in /run is hidden on a device; a file in /etc/tmpfiles.d can make it at boot",
        ),
    ],
)
def test_what_does_not_fit_is_told(image: Image, entries: Mapping[str, OverlayEntry], expected: str) -> None:
    image.tree.link("out", "../../etc")
    image.tree.link("circle", "circle")
    assert lay(image, entries) == [expected]


def test_owners_must_be_known(image: Image) -> None:
    assert lay(image, {"etc/x": file(owner="deamon", group="admin")}) == [
        "overlay one: /etc/x: there is no user deamon; did you mean 'daemon'?",
        "overlay one: /etc/x: there is no group admin; did you mean 'adm'?",
    ]


def test_all_that_does_not_fit_is_told_at_once(image: Image) -> None:
    assert len(lay(image, {"etc/skel": file(), "etc/shells": DIRECTORY, "dev/x": file()})) == 3


@pytest.mark.parametrize("other", [file("b"), file("a", "0600"), file("a", group="adm"), link("a")])
def test_overlays_that_disagree_are_an_error(image: Image, other: OverlayEntry) -> None:
    assert lay(image, {"etc/x": file("a")}, {"etc/x": other}) == [
        "overlay two: /etc/x: overlay one has it too, and differs; if it is to be so, list it under 'replaces'"
    ]


def test_overlays_disagree_about_what_links_make_the_same_path(image: Image) -> None:
    (problem,) = lay(image, {"lib/x": file("a")}, {"usr/lib/x": file("b")})
    assert problem.startswith("overlay two: /usr/lib/x: overlay one has it too")


def test_overlays_that_agree_are_fine(image: Image) -> None:
    assert not lay(image, {"etc/x": file("a"), "etc/l": link("x")}, {"etc/x": file("a"), "etc/l": link("x")})
    assert image.tree.nodes["etc/x"].owner == "overlay one"


def test_overlays_disagree_about_directories_they_have_modes_for(image: Image) -> None:
    one, two = (OverlayEntry(kind=EntryKind.DIRECTORY, mode=mode) for mode in ("0700", "0750"))
    assert not lay(image, {"srv": one}, {"srv": DIRECTORY}, {"srv": one})
    (problem,) = lay(image, {"opt": one}, {"opt": two})
    assert problem.startswith("overlay two: /opt: overlay one has it too")


def test_what_is_listed_may_be_replaced(image: Image) -> None:
    assert not lay(image, {"etc/x": file("a")}, {"etc/x": file("b")}, replaces=("/etc/x",))
    assert image.tree.text("etc/x") == "b"
    assert lay(image, {"etc/xy": file("b")}, replaces=("/etc/xx",)) == [
        "overlay one: it has no /etc/xx, which it is to replace; did you mean '/etc/xy'?"
    ]


def test_a_file_over_another_overlays_directory(image: Image) -> None:
    assert lay(image, {"etc/x": DIRECTORY}, {"etc/x": file()}, replaces=("/etc/x",)) == [
        "overlay two: /etc/x: it is a file, but overlay one has a directory there"
    ]
    assert lay(image, {"etc/y": file()}, {"etc/y": DIRECTORY}) == [
        "overlay two: /etc/y: it is a directory, but overlay one has a file there"
    ]


def test_single_files_come_on_top_of_overlays(image: Image) -> None:
    placed = placing(image)
    placed.overlay(OverlayLayer(name="one", entries={"etc/x": file("a")}))
    placed.files({"etc/x": file("b", "0600"), "etc/skel": file()})
    assert image.tree.text("etc/x") == "b"
    assert placed.problems == ["rootfs.files: /etc/skel: it is a file, but base has a directory there"]


def test_mistakes_of_templates_are_told_with_the_others(image: Image, tmp_path: Path) -> None:
    template = tmp_path / "x.j2"
    template.write_text("{{ nothing }}")
    placed = placing(image, source=template)
    placed.files({"etc/x": OverlayEntry(kind=EntryKind.TEMPLATE, mode="0644", source="source"), "etc/skel": file()})
    assert placed.problems == [
        "rootfs.files: /etc/skel: it is a file, but base has a directory there",
        f"{template}:1: 'nothing' is not defined; known: ",
    ]

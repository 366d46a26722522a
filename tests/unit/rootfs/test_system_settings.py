"""Time zone, locale, kernel parameters and modules of a recipe; and what all of it is told as."""

from dataclasses import replace
from pathlib import Path

import pytest

from builder.core.errors import RecipeError
from builder.rootfs.customize.apply import Customizer
from builder.rootfs.customize.changes import Change, changes_json, read_changes
from builder.rootfs.customize.model import (
    Account,
    Customization,
    EntryKind,
    OverlayEntry,
    OverlayLayer,
    UnitState,
)
from builder.rootfs.effects.base import Image
from builder.rootfs.tree import Kind
from tests.unit.rootfs.images import small_image

WANTED = Customization(recipe="edge")


@pytest.fixture
def image(tmp_path: Path) -> Image:
    image = small_image(tmp_path)
    tree = image.tree
    tree.writer = "tzdata"
    for name in ("Etc/UTC", "Europe/Berlin", "Europe/Paris", "posix/Europe/Berlin"):
        tree.write(f"usr/share/zoneinfo/{name}", "TZif")
    tree.link("usr/share/zoneinfo/Europe/Bonn", "Berlin")
    tree.link("etc/localtime", "/usr/share/zoneinfo/Etc/UTC")
    tree.writer = "linux"
    tree.write(
        "usr/lib/modules/6.1/modules.dep", "kernel/net/br_netfilter.ko.xz: kernel/net/bridge.ko.xz\nkernel/a-b.ko:\n"
    )
    tree.write("usr/lib/modules/6.1/modules.builtin", "kernel/fs/ext4/ext4.ko\n")
    tree.writer = ""
    return image


def run(image: Image, wanted: Customization) -> list[Change]:
    return Customizer(image=image, wanted=wanted, contents={}, shown={}).run()


def mistakes(image: Image, wanted: Customization) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        run(image, wanted)
    return list(caught.value.details)


def test_the_time_zone_is_a_link(image: Image) -> None:
    changes = run(image, replace(WANTED, time_zone="Europe/Bonn"))
    assert image.tree.nodes["etc/localtime"].target == "/usr/share/zoneinfo/Europe/Bonn"
    assert not image.tree.exists("etc/timezone")
    assert ("/etc/localtime", "replaced", "rootfs.time_zone", "tzdata") in [
        (one.path, one.action, one.by, one.package) for one in changes
    ]


def test_the_time_zone_is_written_where_the_suite_has_a_file_for_it(image: Image) -> None:
    image.tree.write("etc/timezone", "Etc/UTC\n")
    run(image, replace(WANTED, time_zone="Europe/Berlin"))
    assert image.tree.text("etc/timezone") == "Europe/Berlin\n"


@pytest.mark.parametrize(
    ("zone", "near"),
    [("Europe/Berlim", "; did you mean 'Europe/Berlin'?"), ("Europe", "; did you mean 'Europe/Bonn'?"), ("Mars/X", "")],
)
def test_time_zones_must_be_known(image: Image, zone: str, near: str) -> None:
    assert mistakes(image, replace(WANTED, time_zone=zone)) == [
        f"rootfs.time_zone: tzdata has no time zone {zone}{near}"
    ]


def test_without_zones_there_is_utc_alone(tmp_path: Path) -> None:
    image = small_image(tmp_path)
    run(image, WANTED)
    assert not image.tree.get("etc/localtime")
    assert mistakes(image, replace(WANTED, time_zone="Europe/Berlin")) == [
        "rootfs.time_zone: the time zone Europe/Berlin needs the package tzdata, which the image does not have"
    ]


@pytest.mark.parametrize(("suite", "path"), [("bookworm", "etc/default/locale"), ("trixie", "etc/locale.conf")])
def test_the_locale_stands_where_the_suite_has_it(tmp_path: Path, suite: str, path: str) -> None:
    image = small_image(tmp_path, suite=suite)
    run(image, WANTED)
    assert image.tree.text(path) == "LANG=C.UTF-8\n"
    assert len([one for one in ("etc/default/locale", "etc/locale.conf") if image.tree.exists(one)]) == 1


def test_other_locales_must_be_compiled(image: Image) -> None:
    image.tree.make_directory("usr/lib/locale/C.utf8")
    wanted = replace(WANTED, locale="de_DE.UTF-8")
    (problem,) = mistakes(image, wanted)
    assert problem.startswith("rootfs.locale: the locale de_DE.UTF-8 needs the package locales-all:")
    image.tree.make_directory("usr/lib/locale/de_AT.utf8")
    assert mistakes(image, wanted) == ["rootfs.locale: there is no locale de_DE.UTF-8; did you mean 'de_AT.UTF-8'?"]
    image.tree.make_directory("usr/lib/locale/de_DE.utf8")
    run(image, wanted)
    assert image.tree.text("etc/locale.conf") == "LANG=de_DE.UTF-8\n"


def test_kernel_parameters_are_sorted(image: Image) -> None:
    run(image, replace(WANTED, sysctl={"net.ipv4.ip_forward": "1", "kernel.panic": "10"}))
    assert image.tree.text("etc/sysctl.d/60-edge.conf") == "kernel.panic = 10\nnet.ipv4.ip_forward = 1\n"


def test_modules_are_loaded_in_their_order(image: Image) -> None:
    run(image, replace(WANTED, modules=("ext4", "br_netfilter", "br-netfilter", "a_b")))
    assert image.tree.text("etc/modules-load.d/60-edge.conf") == "ext4\nbr_netfilter\nbr-netfilter\na_b\n"


def test_modules_must_be_known(image: Image) -> None:
    assert mistakes(image, replace(WANTED, modules=("br_netfiltr", "ext4"))) == [
        "rootfs.modules: the kernel 6.1 has no module br_netfiltr; did you mean 'br_netfilter'?"
    ]


def test_without_a_kernel_nothing_is_known_of_modules(tmp_path: Path) -> None:
    image = small_image(tmp_path)
    run(image, replace(WANTED, modules=("anything",)))
    assert image.tree.exists("etc/modules-load.d/60-edge.conf")


def test_a_directory_in_the_place_of_a_setting(image: Image) -> None:
    image.tree.write("etc/sysctl.d/60-edge.conf/x", "")
    (problem,) = mistakes(image, replace(WANTED, sysctl={"kernel.panic": "10"}))
    assert problem.startswith("rootfs.sysctl: /etc/sysctl.d/60-edge.conf is to be a file, but")


def test_mistakes_of_all_parts_are_told_at_once(image: Image) -> None:
    wanted = replace(
        WANTED,
        files={"etc/skel": OverlayEntry(kind=EntryKind.FILE, mode="0644")},
        time_zone="X/Y",
        locale="de_DE.UTF-8",
        modules=("zzz",),
        units={"zzz.service": UnitState.ENABLED},
    )
    assert [one.partition(":")[0] for one in mistakes(image, wanted)] == [
        "rootfs.files",
        "rootfs.time_zone",
        "rootfs.locale",
        "rootfs.modules",
        "rootfs.units.zzz.service",
    ]


def test_every_change_is_told(image: Image) -> None:
    image.tree.make_directory("root", mode=0o755)
    overlay = {
        "etc/new/x": OverlayEntry(kind=EntryKind.FILE, mode="0640", text="x", group="adm"),
        "etc/shells": OverlayEntry(kind=EntryKind.FILE, mode="0644", text="/bin/bash\n"),
        "etc/os-release": OverlayEntry(kind=EntryKind.FILE, mode="0644", text="VERSION_CODENAME=trixie\n"),
        "root": OverlayEntry(kind=EntryKind.DIRECTORY, mode="0700"),
    }
    layer = OverlayLayer(name="common", entries=overlay)
    changes = run(image, replace(WANTED, overlays=(layer,), accounts=(Account(name="ada"),)))
    told = [(one.path, str(one.action), one.by, one.package, one.mode, one.owner, one.group) for one in changes]
    assert told == [
        ("/etc/group", "merged", "rootfs.users", "base", "0644", "root", "root"),
        ("/etc/gshadow", "merged", "rootfs.users", "base", "0640", "root", "42"),
        ("/etc/passwd", "merged", "rootfs.users", "base", "0644", "root", "root"),
        ("/etc/shadow", "merged", "rootfs.users", "base", "0640", "root", "42"),
        ("/etc/new", "added", "overlay common", "", "0755", "root", "root"),
        ("/etc/new/x", "added", "overlay common", "", "0640", "root", "adm"),
        ("/etc/shells", "replaced", "overlay common", "base", "0644", "root", "root"),
        ("/root", "merged", "overlay common", "", "0700", "root", "root"),
        ("/home/ada", "added", "rootfs.users", "", "0700", "ada", "ada"),
        ("/home/ada/.profile", "added", "rootfs.users", "", "0644", "ada", "ada"),
        ("/etc/locale.conf", "added", "rootfs.locale", "", "0644", "root", "root"),
    ]
    assert read_changes(changes_json(changes)) == changes
    assert read_changes(changes_json([])) == []


def test_what_is_made_twice_is_made_alike(image: Image, tmp_path: Path) -> None:
    def made(place: Path) -> object:
        again = small_image(place)
        wanted = replace(WANTED, accounts=(Account(name="ada"), Account(name="bob")), sysctl={"kernel.panic": "1"})
        run(again, wanted)
        return {path: node for path, node in again.tree.nodes.items() if node.kind is not Kind.DIRECTORY}

    del image
    assert made(tmp_path) == made(tmp_path)

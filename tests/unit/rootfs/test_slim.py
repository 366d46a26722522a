"""What profiles leave out, and what dpkg is told of it. Indexing kernels anew is tested in tests/integration/rootfs."""

from pathlib import Path

import pytest

from builder.core.errors import RecipeError
from builder.rootfs.customize.changes import Change, Changes
from builder.rootfs.effects.base import Image
from builder.rootfs.slim import Slimming
from builder.rootfs.slim_modules import unneeded_modules
from builder.rootfs.slim_profiles import read_profiles
from builder.rootfs.tree import Kind, Node
from tests.unit.rootfs.images import small_image

DOCS = """\
- {exclude: "/usr/share/doc/*/*", reason: read elsewhere}
- {include: /usr/share/doc/*/copyright, reason: licences}
- {exclude: "/usr/share/man/*", reason: read elsewhere}
"""
INFO = "var/lib/dpkg/info"


@pytest.fixture
def image(tmp_path: Path) -> Image:
    image = small_image(tmp_path)
    tree = image.tree
    tree.writer = "app"
    files = (
        "doc/app/copyright",
        "doc/app/changelog.gz",
        "doc/app/examples/one",
        "man/man1/app.1.gz",
        "man/de/man1/app.1.gz",
    )
    for name in files:
        tree.write(f"usr/share/{name}", name)
    tree.link("usr/share/doc/libapp", "app")
    tree.link("etc/alternatives/app.1.gz", "/usr/share/man/man1/app.1.gz")
    tree.link("etc/alternatives/app", "/usr/bin/bash")
    paths = [path for path in tree.nodes if path.startswith("usr/share")]
    tree.writer = ""
    tree.write(f"{INFO}/app.list", "".join(f"/{path}\n" for path in ("usr/bin/bash", *paths)))
    tree.write(f"{INFO}/app.md5sums", "".join(f"{'0' * 32}  {path}\n" for path in paths if tree.nodes[path].content))
    return image


def slim(image: Image, tmp_path: Path, text: str = DOCS, *, locale: str = "C.UTF-8") -> list[Change]:
    profile = tmp_path / "docs.yaml"
    profile.write_text(text)
    changes = Changes(image=image)
    Slimming(changes=changes, names=("docs",), files={"0/docs.yaml": profile}, locale=locale).run()
    return changes.found


def test_what_profiles_name_is_left_out(image: Image, tmp_path: Path) -> None:
    changes = slim(image, tmp_path)
    assert sorted(image.tree.below("usr/share")) == [
        "usr/share/doc",
        "usr/share/doc/app",
        "usr/share/doc/app/copyright",
        "usr/share/doc/libapp",
        "usr/share/man",
    ]
    removed = {one.path: (one.action, one.by, one.package) for one in changes if one.by == "slim docs"}
    assert removed["/usr/share/man/man1/app.1.gz"] == ("removed", "slim docs", "app")
    assert len(removed) == 8


def test_dpkg_does_not_miss_what_is_gone(image: Image, tmp_path: Path) -> None:
    slim(image, tmp_path)
    assert image.tree.text(f"{INFO}/app.list").splitlines() == [
        "/usr/bin/bash",
        "/usr/share",
        "/usr/share/doc",
        "/usr/share/doc/app",
        "/usr/share/doc/app/copyright",
        "/usr/share/man",
        "/usr/share/doc/libapp",
    ]
    assert [line[34:] for line in image.tree.text(f"{INFO}/app.md5sums").splitlines()] == [
        "usr/share/doc/app/copyright"
    ]


def test_later_installations_leave_the_same_out(image: Image, tmp_path: Path) -> None:
    slim(image, tmp_path, DOCS + '- {exclude: "/usr/lib/firmware/x/*", reason: none}\n')
    assert image.tree.text("etc/dpkg/dpkg.cfg.d/slim").splitlines()[1:] == [
        "path-exclude=/usr/share/doc/*/*",
        "path-include=/usr/share/doc/*/copyright",
        "path-exclude=/usr/share/man/*",
        "path-exclude=/usr/lib/firmware/x/*",
        "path-exclude=/lib/firmware/x/*",
    ]


def test_lists_of_debian_12_have_older_paths(image: Image, tmp_path: Path) -> None:
    image.tree.write("usr/lib/firmware/x/a", "")
    image.tree.write(f"{INFO}/firmware.list", "/lib\n/lib/firmware/x/a\n")
    image.tree.write(f"{INFO}/firmware.md5sums", f"{'0' * 32}  lib/firmware/x/a\n")
    slim(image, tmp_path, '- {exclude: "/usr/lib/firmware/x/*", reason: none}\n')
    assert image.tree.text(f"{INFO}/firmware.list") == "/lib\n"
    assert not image.tree.text(f"{INFO}/firmware.md5sums")


def test_alternatives_do_not_lead_to_what_is_gone(image: Image, tmp_path: Path) -> None:
    slim(image, tmp_path)
    assert not image.tree.get("etc/alternatives/app.1.gz")
    assert image.tree.get("etc/alternatives/app")


def test_what_was_laid_over_packages_stays(image: Image, tmp_path: Path) -> None:
    image.tree.writer = "overlay common"
    image.tree.write("usr/share/doc/app/README", "mine")
    image.tree.writer = ""
    slim(image, tmp_path)
    assert image.tree.text("usr/share/doc/app/README") == "mine"


def test_directories_go_whichever_profiles_empty_them(image: Image, tmp_path: Path) -> None:
    slim(image, tmp_path, DOCS + '- {exclude: "/usr/share/man/??/*", reason: translated}\n')
    assert not image.tree.exists("usr/share/man/de")
    two = {"man": "/usr/share/doc*", "locales": "/usr/share/doc/*/*"}
    files = {}
    for name, glob in two.items():
        files[f"0/{name}.yaml"] = tmp_path / f"{name}.yaml"
        files[f"0/{name}.yaml"].write_text(f"- {{exclude: '{glob}', reason: x}}\n")
    Slimming(changes=Changes(image=image), names=tuple(two), files=files, locale="C.UTF-8").run()
    assert not image.tree.exists("usr/share/doc")


def test_other_names_of_what_is_gone_keep_the_content(image: Image, tmp_path: Path) -> None:
    image.tree.add("usr/lib/page", Node(kind=Kind.HARDLINK, target="usr/share/man/man1/app.1.gz"))
    slim(image, tmp_path)
    assert image.tree.text("usr/lib/page") == "man/man1/app.1.gz"


def test_translations_into_the_systems_language_stay(image: Image, tmp_path: Path) -> None:
    for name in ("de", "de_AT", "fr", "den"):
        image.tree.write(f"usr/share/locale/{name}/LC_MESSAGES/app.mo", "")
    text = Path("recipes/debian/slim/locales.yaml")
    slim(image, tmp_path, (Path(__file__).parents[3] / text).read_text(), locale="de_DE.UTF-8")
    left = [path for path in image.tree.below("usr/share/locale") if path.endswith(".mo")]
    assert left == ["usr/share/locale/de/LC_MESSAGES/app.mo", "usr/share/locale/de_AT/LC_MESSAGES/app.mo"]
    assert not image.tree.exists("usr/share/man/de/man1")
    assert image.tree.exists("usr/share/man/man1/app.1.gz")


def test_nothing_changes_without_profiles(image: Image) -> None:
    changes = Changes(image=image)
    Slimming(changes=changes, names=(), files={}, locale="C.UTF-8").run()
    assert changes.found == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: b", "slim/docs.yaml: a profile is a list of rules"),
        ("- {exclude: /x}", "slim/docs.yaml, entry 1: reason: Field required"),
        (
            "- {exclude: /x, include: /y, reason: z}",
            "slim/docs.yaml, entry 1: Value error, needs one of exclude, include and modules",
        ),
        ("- {reason: z}", "slim/docs.yaml, entry 1: Value error, needs one of exclude, include and modules"),
        ("- {exclude: x, reason: z}", "slim/docs.yaml, entry 1: exclude: String should match pattern"),
        ("- {modules: /x, reason: z}", "slim/docs.yaml, entry 1: modules: String should match pattern"),
        ("- {excluse: /x, reason: z}", "slim/docs.yaml, entry 1: excluse: Extra inputs are not permitted"),
        ("- [", "slim/docs.yaml: while parsing"),
    ],
)
def test_mistakes_in_profiles_are_told(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "docs.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError) as caught:
        read_profiles({"0/docs.yaml": path}, ["docs"])
    assert any(line.startswith(expected) for line in caught.value.details), caught.value.details


def test_later_directories_add_rules(tmp_path: Path) -> None:
    files = {}
    for number in range(2):
        path = tmp_path / f"{number}.yaml"
        path.write_text(f"- {{exclude: /{number}, reason: x}}\n")
        files[f"{number}/docs.yaml"] = path
    (profile,) = read_profiles(files, ["docs"])
    assert [rule.exclude for rule in profile.rules] == ["/0", "/1"]


def test_shipped_profiles_can_be_read() -> None:
    directory = Path(__file__).parents[3] / "recipes/debian/slim"
    files = {f"0/{path.name}": path for path in directory.glob("*.yaml")}
    names = [path.stem for path in directory.glob("*.yaml")]
    assert sorted(names) == ["docs", "firmware", "locales", "man", "modules"]
    assert all(profile.rules for profile in read_profiles(files, names))


@pytest.fixture
def kernel(image: Image) -> Image:
    """`sound/usb` needs `sound/core`, and `net/x`, which stays, needs `sound/lib`, which needs `sound/base`."""
    base = "usr/lib/modules/6.1"
    for name in (
        "sound/usb",
        "sound/core",
        "sound/lib",
        "sound/base",
        "sound/soft-one",
        "sound/deep",
        "sound/boot",
        "net/x",
    ):
        image.tree.write(f"{base}/kernel/{name}.ko.xz", "")
    image.tree.write(
        f"{base}/modules.dep",
        "kernel/sound/usb.ko.xz: kernel/sound/core.ko.xz\n"
        "kernel/net/x.ko.xz: kernel/sound/lib.ko.xz kernel/sound/base.ko.xz\n"
        "kernel/sound/lib.ko.xz: kernel/sound/base.ko.xz\n"
        "kernel/sound/soft-one.ko.xz: kernel/sound/deep.ko.xz\n",
    )
    image.tree.write(f"{base}/modules.softdep", "# comment\nsoftdep x pre: soft_one missing\nsoftdep other pre: usb\n")
    image.tree.write("etc/modules-load.d/60-edge.conf", "# usb\nboot\n")
    return image


def test_modules_that_others_need_stay(kernel: Image) -> None:
    found = unneeded_modules(kernel.tree, {"kernel/sound/*": "modules"})
    names = {path.rpartition("/")[2].partition(".")[0] for path in found.unneeded}
    assert names == {"usb", "core"}
    assert found.kept == {f"kernel/sound/{name}.ko.xz" for name in ("lib", "base", "soft-one", "deep", "boot")}
    assert list(found.of("modules")) == list(found.unneeded)
    assert found.lines()[:3] == [
        "path-exclude=/lib/modules/*/kernel/sound/*",
        "path-include=/lib/modules/*/kernel/sound/base.ko*",
        "path-include=/lib/modules/*/kernel/sound/boot.ko*",
    ]
    assert "path-exclude=/usr/lib/modules/*/kernel/sound/*" in found.lines()


def test_without_patterns_no_module_is_looked_at(kernel: Image) -> None:
    found = unneeded_modules(kernel.tree, {})
    assert not found.unneeded
    assert not found.lines()

"""What a recipe must say besides when it wants root file systems."""

from tests.unit.recipe.conftest import Load, Mistakes

ROOTFS = "rootfs:\n  knowledge: [knowledge]\n  packages:\n    base: {packages: [udev]}\n"
DEBIAN = """\
debian:
  suites: {armv7: [bookworm]}
  sources: trixie
  tools: {suites: [trixie], sets: {rootfs: [kmod]}}
"""
WANTED = "extends: good.yaml\noutputs: [executable, rootfs]\n"


def test_a_recipe_with_all_that_root_file_systems_need_is_good(mistakes: Mistakes) -> None:
    assert mistakes({"r.yaml": WANTED + ROOTFS + DEBIAN}) == []


def test_sections_that_are_missing_are_told_where_root_file_systems_are_wanted(mistakes: Mistakes) -> None:
    assert mistakes({"r.yaml": WANTED}) == [
        "r.yaml:2:23: outputs: root file systems need the section debian, which is missing",
        "r.yaml:2:23: outputs: root file systems need the section rootfs, which is missing",
    ]
    without_tools = DEBIAN.replace("  tools: {suites: [trixie], sets: {rootfs: [kmod]}}\n", "")
    assert mistakes({"r.yaml": WANTED + ROOTFS + without_tools}) == [
        "r.yaml:2:23: outputs: root file systems need the section debian.tools, which is missing"
    ]
    assert mistakes({"r.yaml": "extends: good.yaml\n" + without_tools}) == []


def test_an_architecture_without_a_suite_is_told(mistakes: Mistakes) -> None:
    text = WANTED + "architectures: [armv7, amd64]\n" + ROOTFS + DEBIAN
    assert mistakes({"r.yaml": text}) == [
        "r.yaml:3:24: architectures: root file systems for amd64 need debian.suites.amd64, which is missing"
    ]
    assert mistakes({"r.yaml": text.replace("[executable, rootfs]", "[executable]")}) == []


def test_repositories_have_names_of_their_own(mistakes: Mistakes, load: Load) -> None:
    repository = "{address: 'https://mirror.invalid/vendor', suite: stable, keys: vendor.asc, fingerprints: [%s]}" % (
        "A" * 40
    )
    text = WANTED + ROOTFS + DEBIAN + f"  repositories:\n    debian-security: {repository}\n    vendor: {repository}\n"
    assert mistakes({"r.yaml": text}) == [
        ("r.yaml:12:5: debian.repositories.debian-security: this is the name of an archive of Debian's; choose another")
    ]
    loaded = load({"r.yaml": text.replace("debian-security:", "other:")})
    assert loaded.recipe.debian
    assert list(loaded.recipe.debian.repositories) == ["other", "vendor"]

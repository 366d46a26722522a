"""Whether a lock fits what a recipe takes out of Debian's archive."""

import pytest

from builder.core.arch import Arch
from builder.debian.pins import PinnedFile
from builder.recipe.lockfile import LockedDebian, LockedRepository, LockedRootfs, LockedTools
from builder.recipe.match_debian import debian_mismatches
from builder.recipe.packages import rootfs_packages
from tests.unit.recipe.conftest import Load

RECIPE = """\
extends: good.yaml
outputs: [executable, rootfs]
rootfs:
  knowledge: [knowledge]
  without: [nano, vim]
  packages:
    base:
      packages: [udev, dbus, vim]
    kernel:
      per_architecture:
        armv7: [linux-image-armmp]
        arm64: [linux-image-arm64]
debian:
  suites: {armv7: [bookworm], amd64: [trixie]}
  sources: trixie
  tools:
    suites: [trixie]
    sets:
      rootfs: [udev, kmod]
  repositories:
    vendor:
      address: https://mirror.invalid/vendor
      suite: stable
      keys: vendor.asc
      fingerprints: [AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA]
"""


def pin(name: str) -> PinnedFile:
    return PinnedFile(
        name=name,
        version="1.0",
        architecture="armhf",
        path=f"pool/{name}_1.0_armhf.deb",
        size_bytes=3,
        sha256=f"sha256:{'ab' * 32}",
    )


def locked(**changes: object) -> LockedDebian:
    fitting = LockedDebian(
        suites={Arch.ARMV7: ("bookworm",)},
        source_suite="",
        repositories={
            "vendor": LockedRepository(suite="stable", components=("main",), fingerprints=("A" * 40,)),
        },
        rootfs={
            Arch.ARMV7: LockedRootfs(
                wanted=("dbus", "linux-image-armmp", "udev"), without=("nano", "vim"), packages=(pin("udev"),)
            )
        },
        tool_suites=("trixie",),
        tools={
            host: {"rootfs": LockedTools(wanted=("kmod", "udev"), packages=())} for host in (Arch.AMD64, Arch.ARM64)
        },
    )
    return fitting.model_copy(update=changes)


def test_packages_are_gathered_from_groups_and_know_their_keys(load: Load) -> None:
    assert rootfs_packages(load({"r.yaml": RECIPE}).recipe, Arch.ARMV7) == {
        "dbus": "rootfs.packages.base.packages[1]",
        "linux-image-armmp": "rootfs.packages.kernel.per_architecture.armv7[0]",
        "udev": "rootfs.packages.base.packages[0]",
    }


def test_a_lock_with_all_that_is_wanted_fits(load: Load) -> None:
    assert debian_mismatches(load({"r.yaml": RECIPE}), locked()) == []


def test_a_lock_of_more_architectures_fits_too(load: Load) -> None:
    more = locked()
    further = {**more.rootfs, Arch.AMD64: LockedRootfs(wanted=("gone",), packages=())}
    assert debian_mismatches(load({"r.yaml": RECIPE}), more.model_copy(update={"rootfs": further})) == []


def test_nothing_of_it_counts_where_no_root_file_system_is_made(load: Load) -> None:
    text = RECIPE.replace("outputs: [executable, rootfs]\n", "")
    assert debian_mismatches(load({"r.yaml": text}), None) == []


def test_packages_that_are_new_or_gone_are_told_with_their_lines(load: Load) -> None:
    text = RECIPE.replace("udev, dbus, vim", "udev, curl, nftables, vim").replace("[udev, kmod]", "[kmod, libc-bin]")
    assert debian_mismatches(load({"r.yaml": text}), locked()) == [
        "r.yaml:8:24: rootfs.packages.base.packages[1] is curl, but the lock for armv7 has nothing",
        "r.yaml:8:30: rootfs.packages.base.packages[2] is nftables, but the lock for armv7 has nothing",
        "r.yaml:7:5: rootfs.packages does not have dbus, which the lock for armv7 has as wanted",
        "r.yaml:19:22: debian.tools.sets.rootfs[1] is libc-bin, but the lock's tools for amd64 has nothing",
        "r.yaml:19:15: debian.tools.sets.rootfs does not have udev, which the lock's tools for amd64 has as wanted",
        "r.yaml:19:22: debian.tools.sets.rootfs[1] is libc-bin, but the lock's tools for arm64 has nothing",
        "r.yaml:19:15: debian.tools.sets.rootfs does not have udev, which the lock's tools for arm64 has as wanted",
    ]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[nano, vim]", "[vim]", "r.yaml:5:12: rootfs.without is vim, but the lock for armv7 has nano, vim"),
        (
            "without: [nano, vim]",
            "modules: []",
            "default: rootfs.without is nothing, but the lock for armv7 has nano, vim",
        ),
        (
            "armv7: [bookworm]",
            "armv7: [trixie]",
            "r.yaml:14:19: debian.suites.armv7 is trixie, but the lock has bookworm",
        ),
        ("suites: [trixie]", "suites: [sid]", "r.yaml:17:13: debian.tools.suites is sid, but the lock has trixie"),
        (
            "suite: stable",
            "suite: next",
            "r.yaml:23:14: debian.repositories.vendor.suite is next, but the lock has stable",
        ),
        ("AAAA]", "AAAB]", f"debian.repositories.vendor.fingerprints is {'A' * 39}B, but the lock has {'A' * 40}"),
        ("stable\n", "stable\n      components: [x1]\n", "vendor.components is x1, but the lock has main"),
        ("stable\n", "stable\n      architectures: [arm64]\n", "vendor.architectures is arm64, but the lock has all"),
        ("    vendor:", "    other:", "debian.repositories does not have vendor, which the lock has"),
        ("    vendor:", "    other:", "debian.repositories.other is there, but the lock does not have this repository"),
        (
            "      rootfs: [",
            "      boot: [",
            "debian.tools.sets.boot[0] is udev, but the lock's tools for amd64 has nothing",
        ),
    ],
)
def test_other_settings_than_the_locks_are_told(old: str, new: str, told: str, load: Load) -> None:
    assert old in RECIPE
    text = RECIPE.replace(old, new)
    if new == "modules: []":
        text = text.replace(", vim]", "]")
    assert any(told in line for line in debian_mismatches(load({"r.yaml": text}), locked()))


def test_where_an_archive_lies_is_not_the_locks_matter(load: Load) -> None:
    text = RECIPE.replace("https://mirror.invalid/vendor", "file:///srv/vendor").replace("vendor.asc", "other.asc")
    assert debian_mismatches(load({"r.yaml": text}), locked()) == []


def test_a_lock_without_any_packages_is_told_once_for_each_architecture(load: Load) -> None:
    text = RECIPE.replace("outputs:", "architectures: [armv7, amd64]\noutputs:")
    told = debian_mismatches(load({"r.yaml": text}), None)
    assert [line for line in told if "is to be made" in line] == [
        f"r.yaml:3:10: a root file system is to be made, but the lock for {arch} has no packages of one"
        for arch in ("armv7", "amd64")
    ]

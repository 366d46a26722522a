"""The fallback: mmdebstrap out of a tree of tools, natively; and what foreign systems need of it, under emulation."""

from pathlib import Path

import pytest

from builder.core.arch import ARCH_FACTS, Arch, host_arch
from builder.core.errors import MissingToolError
from builder.io.command import CommandError
from builder.io.enclosure import Mount
from builder.io.leash import Leash
from builder.io.spawn import Runner
from builder.plan.debian import pool_step
from builder.rootfs.compare import compare, open_archive
from builder.rootfs.mmdebstrap import Bootstrap
from builder.rootfs.tools_root import foreign, make_tools_root
from tests.integration.rootfs.allowed import Packages, Suite
from tests.integration.rootfs.systems import System
from tests.integration.roots.material import tree

SYSTEM = System(suite=Suite.TRIXIE, packages=Packages.BASE, arch=host_arch())


@pytest.mark.parametrize("arch", Arch)
def test_programs_of_all_architectures_run(arch: Arch, tmp_path: Path) -> None:
    busybox = tree("busybox", tmp_path / "busybox", arch) / "bin/busybox"
    enclosure = make_tools_root(
        SYSTEM.tools(), tmp_path / "root", [Mount.of(busybox, "busybox")], emulated=foreign(arch)
    )
    # The one that is started by the kernel starts another.
    script = "/busybox sh -c '/busybox uname -m'; ls /proc/sys/fs/binfmt_misc 2>&1"
    with Leash() as leash:
        enclosure.run(Runner(log=tmp_path / "log", leash=leash), ["/bin/sh", "-c", script], {})
    assert ARCH_FACTS[arch].machine in (tmp_path / "log").read_text().splitlines()[1:]


def test_emulators_exist_inside_alone(tmp_path: Path) -> None:
    place = Path("/proc/sys/fs/binfmt_misc")
    before = sorted(place.iterdir()) if place.exists() else []
    (other, *_) = [arch for arch in Arch if arch is not host_arch()]
    enclosure = make_tools_root(SYSTEM.tools(), tmp_path / "root", emulated=other)
    with Leash() as leash:
        enclosure.run(Runner(log=tmp_path / "log", leash=leash), ["/bin/ls", "/proc/sys/fs/binfmt_misc"], {})
    assert "qemu-" in (tmp_path / "log").read_text().partition("\n")[2]
    assert (sorted(place.iterdir()) if place.exists() else []) == before


def test_a_set_that_is_not_closed_is_told_in_apt_s_words(tmp_path: Path) -> None:
    lock = SYSTEM.workspace.lock
    assert lock.debian is not None
    pins = {pin.name: pin for pin in lock.debian.rootfs[SYSTEM.arch].packages}
    places = [SYSTEM.made(pool_step(pins[name])) for name in ("dash", "libc6", "libgcc-s1", "gcc-14-base")]
    debs = [deb for place in places for deb in place.iterdir()]
    with Leash() as leash, pytest.raises(CommandError, match="mmdebstrap failed") as caught:
        Bootstrap(debs=debs, arch=SYSTEM.arch, epoch_s=0).run(
            SYSTEM.tools(), tmp_path / "x.tar", scratch=tmp_path, runner=Runner(log=tmp_path / "log", leash=leash)
        )
    assert "dash : Depends: debianutils" in "\n".join(caught.value.details)
    assert not (tmp_path / "x.tar").exists()


def test_tools_without_mmdebstrap_are_told(tmp_path: Path) -> None:
    bootstrap = Bootstrap(debs=[], arch=host_arch(), epoch_s=0)
    with pytest.raises(MissingToolError, match="no mmdebstrap"):
        bootstrap.run(tmp_path, tmp_path / "x.tar", scratch=tmp_path, runner=Runner(log=tmp_path / "log"))


@pytest.mark.slow
def test_the_fallback_knows_nothing_of_the_machine_that_made_it() -> None:
    with open_archive(SYSTEM.bootstrapped()) as verbatim, open_archive(SYSTEM.fallback()) as made:
        gone = {found.path.partition("_")[0] for found in compare(verbatim, made) if found.deviation == "missing"}
        assert {found.deviation for found in compare(verbatim, made)} == {"missing"}
        assert made.content("etc/machine-id") == b""
        assert "etc/hostname" not in made.members
        assert made.members["etc/resolv.conf"].link == "../run/systemd/resolve/stub-resolv.conf"
    kernel = next(path.partition("-")[2] for path in gone if path.startswith("boot/initrd.img"))
    assert {path for path in gone if not path.startswith("dev/")} == {
        "etc/apt/sources.list", "etc/ssh/ssh", f"boot/initrd.img-{kernel}", "initrd.img", "initrd.img.old",
    }  # fmt: skip

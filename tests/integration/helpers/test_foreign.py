"""What the kedges for other architectures carry runs: under qemu-user, as far as that goes."""

import shutil
import subprocess
from pathlib import Path

import pytest

from builder.core.arch import ARCH_FACTS, Arch, host_arch
from builder.formats.elf import open_elf, read_dynamic
from builder.payload.closed_set import require_closed
from builder.payload.reader import read_payload

EMULATORS = {Arch.ARMV7: "qemu-arm-static", Arch.ARM64: "qemu-aarch64-static", Arch.AMD64: "qemu-x86_64-static"}
FOREIGN = [arch for arch in Arch if arch != host_arch()]


@pytest.fixture(params=FOREIGN)
def arch(request: pytest.FixtureRequest) -> Arch:
    chosen: Arch = request.param
    return chosen


@pytest.fixture
def foreign(arch: Arch, kedge: Path, tmp_path: Path) -> Path:
    """The unpacked payload of the kedge that was built beside the one under test."""
    executable = kedge.parents[1] / arch / "kedge"
    if not executable.exists():
        pytest.skip(f"{executable} was not built")
    payload = read_payload(executable)
    if payload is None:
        pytest.fail(f"{executable} carries no helpers")
    payload.extract(tmp_path / "helpers")
    return tmp_path / "helpers"


def emulated(arch: Arch, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    emulator = shutil.which(EMULATORS[arch])
    if emulator is None:
        pytest.skip(f"{EMULATORS[arch]} is not installed; on Debian: apt install qemu-user-static")
    return subprocess.run([emulator, *argv], env=environment, capture_output=True, text=True, check=False)


def test_all_helpers_are_static_executables_of_the_architecture(arch: Arch, foreign: Path) -> None:
    paths = list((foreign / "bin").iterdir())
    assert len(paths) >= 4
    for path in paths:
        with open_elf(path) as elf:
            assert elf.machine == ARCH_FACTS[arch].elf_machine, path
            assert (read_dynamic(elf).needed, read_dynamic(elf).interpreter) == ((), ""), path


def test_helpers_written_in_go_start(arch: Arch, foreign: Path) -> None:
    assert "libseccomp: 2." in emulated(arch, str(foreign / "bin/runc"), "--version").stdout
    assert "Version:" in emulated(arch, str(foreign / "bin/containerd-shim-runc-v2"), "-v").stdout
    assert "CNI portmap plugin v" in emulated(arch, str(foreign / "bin/cni"), "portmap").stderr


def test_nft_finds_all_its_libraries_beside_it(arch: Arch, foreign: Path) -> None:
    """The loader is asked, since nft itself opens a netlink socket first, which qemu-user does not know."""
    place = foreign / "lib/nft"
    require_closed(place, "nft")
    (loader,) = place.glob("ld-linux*")
    listed = emulated(
        arch, str(loader), "--inhibit-cache", "--library-path", str(place), "--list", str(place / "nft")
    ).stdout
    found = {line.split(" => ")[1].split(" ")[0] for line in listed.splitlines() if " => " in line}
    assert str(place / "libnftables.so.1") in found
    assert all(Path(path).parent == place for path in found if path.startswith("/")), listed
    assert "not found" not in listed


def test_the_launcher_finds_the_set_and_gives_it_to_the_loader(arch: Arch, foreign: Path) -> None:
    """Starting a second foreign program takes binfmt_misc, which may be missing; what is started is seen either way."""
    argv = [str(foreign / "bin/nft"), "--version", "two words"]
    traced = emulated(arch, "-strace", *argv).stderr
    (started,) = [line for line in traced.splitlines() if "execve(" in line]
    place = f"{foreign}/bin/../lib/nft"
    assert f'"--library-path","{place}","--argv0","nft","{place}/nft","--version","two words",NULL' in started

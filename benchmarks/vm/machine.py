"""Makes the machine's disk and runs it in QEMU."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process import run
from benchmarks.vm.archive import System
from benchmarks.vm.initrd import load_order, write_initrd
from benchmarks.vm.node import DIRECTORIES, FILES
from builder.core.errors import BuilderError, MissingToolError

EMULATOR = "qemu-system-arm"
_MKE2FS = "mke2fs"
GUEST = Path(__file__).parent / "guest"
# The disk; containers' file systems; pods' network; what `kedge sysinfo` looks for.
_MODULES = (
    *("virtio_mmio", "virtio_blk", "crc32c_generic", "ext4"),
    *("overlay", "bridge", "veth", "br_netfilter", "vxlan", "wireguard", "nf_tables", "nf_conntrack_netlink"),
    *("nft_ct", "nft_nat", "nft_masq", "nft_numgen", "nft_objref", "nft_fib_ipv4", "nft_fib_ipv6"),
    *("nft_reject_ipv4", "nft_reject_ipv6"),
)
_DISK_BYTES = 3 << 30
# armmp knows no LPAE: devices have to lie below 4 GiB. Two processors, as `-smp` says, are emulated by two threads.
_MACHINE = ("-M", "virt,highmem=off", "-cpu", "cortex-a15", "-smp", "2", "-m", "1024", "-accel", "tcg,thread=multi")
_KERNEL_OPTIONS = "console=ttyAMA0 quiet loglevel=3 panic=-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The programs of this machine that are needed."""

    emulator: str
    mke2fs: str


def find_tools(environment: Mapping[str, str]) -> Tools:
    """Where they are; `MissingToolError` names what to install."""
    path = os.pathsep.join([environment.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    found = {name: shutil.which(name, path=path) for name in (EMULATOR, _MKE2FS)}
    if missing := [name for name, where in found.items() if where is None]:
        raise MissingToolError(
            f"{', '.join(missing)} not found", hint="on Debian: apt-get install qemu-system-arm e2fsprogs"
        )
    return Tools(emulator=str(found[EMULATOR]), mke2fs=str(found[_MKE2FS]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is put into the machine: executables, the image's archive, and what guest/init.sh is told."""

    kedge: Path
    image: Path
    settings: Mapping[str, str]


def make_disk(tools: Tools, system: System, plan: Plan, place: Path) -> Path:
    """An ext4 file system that a small Linux starts from."""
    tree, disk = place / "tree", place / "disk.img"
    for name in DIRECTORIES:
        (tree / name).mkdir(parents=True)
    copies = {
        "bin/busybox": system.busybox,
        "usr/bin/kedge": plan.kedge,
        "init": GUEST / "init.sh",
        "pause.tar": plan.image,
        f"boot/{system.config.name}": system.config,
    }
    settings = "".join(f"{name}='{value}'\n" for name, value in plan.settings.items())
    for name, text in {**FILES, "settings": settings}.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    for name, source in copies.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, tree / name)
        (tree / name).chmod(0o755)
    with disk.open("wb") as stream:
        stream.truncate(_DISK_BYTES)
    argv = [tools.mke2fs, "-q", "-t", "ext4", "-E", "root_owner=0:0", "-d", str(tree), str(disk)]
    run(argv, cwd=place, env={"PATH": os.defpath})
    return disk


def make_initrd(system: System, place: Path) -> Path:
    """An initrd with the modules that the machine needs."""
    target = place / "initrd.gz"
    modules = load_order(system.modules, _MODULES)
    write_initrd(target, {"bin/busybox": system.busybox, "init": GUEST / "initrd.sh"}, modules)
    return target


def argv_of(tools: Tools, system: System, *, initrd: Path, disk: Path) -> Sequence[str]:
    """The emulator's command line; its standard output is the console."""
    drive = f"file={disk},if=none,id=disk,format=raw,cache=unsafe"
    return (
        *(tools.emulator, *_MACHINE, "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot"),
        *("-kernel", str(system.image), "-initrd", str(initrd), "-append", _KERNEL_OPTIONS),
        *("-drive", drive, "-device", "virtio-blk-device,drive=disk"),
    )


def boot(argv: Sequence[str], console: Path, *, timeout_s: float) -> str:
    """Run the machine until it turns itself off; what it said, which also goes to the file `console`."""
    with console.open("wb") as output, console.with_suffix(".errors").open("wb") as errors:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
        try:
            process.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            last = console.read_text(errors="replace").splitlines()[-30:]
            raise BuilderError(f"the machine did not come to an end within {timeout_s:g} s", details=last) from None
        finally:
            process.kill()
            process.wait()
    if process.returncode:
        said = console.with_suffix(".errors").read_text().splitlines()
        raise BuilderError(f"{argv[0]} ended with status {process.returncode}", details=said)
    return console.read_text(errors="replace")

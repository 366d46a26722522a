"""A tree of unpacked tools as the root of commands: what a script needs that expects to run on Debian."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from builder.core.arch import ARCH_FACTS, Arch, host_arch
from builder.core.errors import MissingToolError
from builder.io.enclosure import SYSTEM_MOUNTS, Enclosure, Mount

# Links at the root of a merged Debian, as far as a tree has them.
_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_DIRECTORIES = ("root", "run", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/lib/dpkg", "var/tmp")
# base-passwd's postinst copies these; nothing of a tools tree was ever configured.
_MASTERS = ("passwd", "group")
_DEVICE_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "ptmx": "pts/ptmx"}
# The kernel's names of emulators: qemu-user's files are named after machines as uname prints them.
_EMULATED = {Arch.ARMV7: "arm", Arch.ARM64: "aarch64", Arch.AMD64: "x86_64"}


def make_tools_root(
    tools: Path, directory: Path, mounts: Sequence[Mount] = (), *, emulated: Arch | None = None
) -> Enclosure:
    """An enclosure in the new `directory` whose programs are those of `tools`, a tree that stays as it is.

    Its /etc and /var are its own, /tmp is memory; `mounts` come on top. With `emulated`, programs of that architecture run too.
    """
    directory.mkdir(parents=True)
    for name in _LINKS:
        if (tools / name).is_symlink():
            (directory / name).symlink_to((tools / name).readlink())
    for name in _DIRECTORIES:
        (directory / name).mkdir(parents=True)
    shutil.copytree(tools / "etc", directory / "etc", symlinks=True)
    for path in [directory / "etc", *(directory / "etc").rglob("*/")]:
        path.chmod(0o755)
    for name in _MASTERS:
        shutil.copyfile(tools / "usr/share/base-passwd" / f"{name}.master", directory / "etc" / name)
    (directory / "var/lib/dpkg/status").touch()
    (directory / "dev").mkdir()
    for name, target in _DEVICE_LINKS.items():
        (directory / "dev" / name).symlink_to(target)
    return Enclosure(
        root=directory,
        mounts=(Mount.of(tools / "usr", "usr", read_only=True), *SYSTEM_MOUNTS, *mounts),
        interpreters=() if emulated is None else (interpreter(tools, emulated),),
    )


def foreign(arch: Arch) -> Arch | None:
    """`arch` where this machine has to emulate it."""
    return None if arch is host_arch() else arch


def interpreter(tools: Path, arch: Arch) -> str:
    """The line for binfmt_misc that lets qemu-user in `tools` run programs for `arch`; its package brings the line."""
    name = _EMULATED[arch]
    description = tools / "usr/share/qemu/binfmt.d" / f"qemu-{name}.conf"
    if not description.is_file():
        raise MissingToolError(
            f"the tools have no emulator for {ARCH_FACTS[arch].debian}",
            details=[f"missing: {description}"],
            hint="the set of tools needs the package qemu-user",
        )
    *start, path, flags = description.read_text().strip().split(":")
    # The emulator is opened when it is registered, so the path is the one outside; F keeps it for every root inside.
    return ":".join([*start, str(tools.absolute() / path.lstrip("/")), flags])

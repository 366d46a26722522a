"""Target and host architectures."""

import platform
from dataclasses import dataclass
from enum import StrEnum

from builder.core.errors import MissingToolError


class Arch(StrEnum):
    """An architecture that kedge runs on, by the name that recipes and output directories use."""

    ARMV7 = "armv7"
    ARM64 = "arm64"
    AMD64 = "amd64"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchFacts:
    """What other tools call an architecture.

    `goarm` is Go's GOARM (empty where it does not apply), `debian` dpkg's name, `zig` the target triple of `zig cc`
    with static musl, `triplet` what Debian calls directories of its libraries, `machine` what uname prints, `elf_machine` the
    `e_machine` field of ELF executables (System V ABI: EM_ARM 40, EM_X86_64 62, EM_AARCH64 183).
    """

    goarch: str
    goarm: str
    debian: str
    zig: str
    triplet: str
    machine: str
    elf_machine: int


ARCH_FACTS: dict[Arch, ArchFacts] = {
    Arch.ARMV7: ArchFacts(
        goarch="arm",
        goarm="7",
        debian="armhf",
        zig="arm-linux-musleabihf",
        triplet="arm-linux-gnueabihf",
        machine="armv7l",
        elf_machine=40,
    ),
    Arch.ARM64: ArchFacts(
        goarch="arm64",
        goarm="",
        debian="arm64",
        zig="aarch64-linux-musl",
        triplet="aarch64-linux-gnu",
        machine="aarch64",
        elf_machine=183,
    ),
    Arch.AMD64: ArchFacts(
        goarch="amd64",
        goarm="",
        debian="amd64",
        zig="x86_64-linux-musl",
        triplet="x86_64-linux-gnu",
        machine="x86_64",
        elf_machine=62,
    ),
}


# Of the machines that builds run on; a lock serves all of them.
BUILD_HOSTS = (Arch.AMD64, Arch.ARM64)


def host_arch() -> Arch:
    """The architecture of this machine; `MissingToolError` where no toolchain is known for it."""
    machine = platform.machine()
    for arch, facts in ARCH_FACTS.items():
        if facts.machine == machine:
            return arch
    known = ", ".join(facts.machine for facts in ARCH_FACTS.values())
    raise MissingToolError(
        f"this machine's architecture {machine!r} cannot run the toolchain",
        hint=f"use a machine of one of these architectures: {known}",
    )

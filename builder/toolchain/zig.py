"""The C toolchain: zig, which carries musl and headers for every target, so that one wheel cross-compiles for all."""

from dataclasses import dataclass
from pathlib import Path

from builder.core.arch import ARCH_FACTS, Arch
from builder.io.spawn import Command, Runner

ZIG_WHEEL = "ziglang"

# zig takes for granted what Debian's armhf port does not: NEON and 32 floating point registers. Some ARMv7 devices
# (NVIDIA Tegra 2, Marvell Armada 370) have neither, and Go's GOARM=7 asks for neither.
_CPU = {Arch.ARMV7: ("-mcpu=baseline-neon-d32",)}


def zig_executable(wheel_tree: Path) -> Path:
    """The zig command inside the unpacked wheel."""
    return wheel_tree / "ziglang" / "zig"


def cc(wheel_tree: Path, arch: Arch) -> tuple[str, ...]:
    """The command line that compiles C for `arch` against static musl; append sources and options.

    What it makes runs on the architecture's lowest feature level, whatever this machine has.
    """
    return (str(zig_executable(wheel_tree)), "cc", "-target", ARCH_FACTS[arch].zig, *_CPU.get(arch, ()), "-static")


def zig_environment(cache: Path) -> dict[str, str]:
    """What zig needs of the environment: its caches, nothing of the user's."""
    return {"ZIG_GLOBAL_CACHE_DIR": str(cache), "ZIG_LOCAL_CACHE_DIR": str(cache)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Zig:
    """zig at work: the unpacked wheel, the cache that zig keeps for itself, and the runner of its commands."""

    wheel_tree: Path
    cache: Path
    runner: Runner

    def cc(self, arch: Arch) -> tuple[str, ...]:
        """The command line of `toolchain.zig.cc`."""
        return cc(self.wheel_tree, arch)

    @property
    def ar(self) -> tuple[str, ...]:
        """The command line that makes static libraries."""
        return (str(zig_executable(self.wheel_tree)), "ar")

    def environment(self) -> dict[str, str]:
        """Everything that zig reads of its environment."""
        return zig_environment(self.cache)

    def run(self, argv: tuple[str, ...], cwd: Path) -> None:
        """Run a command line that began as `cc` or `ar` in the directory `cwd`."""
        self.runner.run(Command(argv=argv, env=self.environment(), cwd=cwd))

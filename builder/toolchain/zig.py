"""The C toolchain: zig, which carries musl and headers for every target, so that one wheel cross-compiles for all."""

from pathlib import Path

from builder.core.arch import ARCH_FACTS, Arch

ZIG_WHEEL = "ziglang"


def zig_executable(wheel_tree: Path) -> Path:
    """The zig command inside the unpacked wheel."""
    return wheel_tree / "ziglang" / "zig"


def cc(wheel_tree: Path, arch: Arch) -> tuple[str, ...]:
    """The command line that compiles C for `arch` against static musl; append sources and options."""
    return (str(zig_executable(wheel_tree)), "cc", "-target", ARCH_FACTS[arch].zig, "-static")


def zig_environment(cache: Path) -> dict[str, str]:
    """What zig needs of the environment: its caches, nothing of the user's."""
    return {"ZIG_GLOBAL_CACHE_DIR": str(cache), "ZIG_LOCAL_CACHE_DIR": str(cache)}

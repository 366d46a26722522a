"""The steps that fetch toolchains."""

from collections.abc import Mapping

from builder.core.arch import Arch
from builder.core.digest import Digest
from builder.core.errors import MissingToolError
from builder.core.resources import MIB, Resources
from builder.recipe.lockfile import Lock
from builder.steps.kinds.toolchain import GO_TOOLCHAIN, WHEEL
from builder.steps.step import Step
from builder.toolchain.go import BOOTSTRAP_WHEEL, GoRelease
from builder.toolchain.wheels import Wheel
from builder.toolchain.zig import ZIG_WHEEL

# pip and the Go command fetching and unpacking; measured below 64 MiB.
FETCH = Resources(cores=1, memory_bytes=256 * MIB)


def go_step(lock: Lock, host: Arch) -> Step[GoRelease]:
    """The Go toolchain of the lock, for this host."""
    return Step(
        id="toolchain/go",
        kind=GO_TOOLCHAIN,
        input=GoRelease(version=lock.go.version, host=host, h1=_for_host(lock.go.sums, host, "Go")),
        needs={"bootstrap": wheel_step(lock, BOOTSTRAP_WHEEL, host)},
        resources=FETCH,
    )


def zig_step(lock: Lock, host: Arch) -> Step[Wheel]:
    """The C toolchain of the lock, for this host."""
    return wheel_step(lock, ZIG_WHEEL, host)


def wheel_step(lock: Lock, name: str, host: Arch) -> Step[Wheel]:
    """The wheel `name` of the lock, for this host."""
    locked = lock.wheels[name]
    digest = Digest(_for_host(locked.digests, host, name))
    return Step(
        id=f"toolchain/{name}",
        kind=WHEEL,
        input=Wheel(name=name, version=locked.version, host=host, digest=digest),
        resources=FETCH,
    )


def _for_host(pins: Mapping[Arch, str], host: Arch, what: str) -> str:
    try:
        return pins[host]
    except KeyError:
        raise MissingToolError(
            f"the lock pins no {what} for a machine of architecture {host}",
            hint=f"it can be built on: {', '.join(pins)}",
        ) from None

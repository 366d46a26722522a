"""The kinds of steps that fetch toolchains."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from builder.steps.context import StepContext
from builder.steps.kinds.common import online, watched_download
from builder.steps.step import StepKind
from builder.toolchain.go import GoRelease, ToolchainFetcher, bootstrap_root
from builder.toolchain.network import network_hints
from builder.toolchain.wheels import Pip, Wheel, unpack_wheel


def pip_of(context: StepContext, what: str) -> Pip:
    """The pip that a step fetches `what` with."""
    return Pip(
        runner=context.runner,
        environment=online(context, what),
        stall_s=context.network.stall_s,
        scratch=context.scratch,
    )


def fetch_wheel(wheel: Wheel, context: StepContext) -> Path:
    """The file of `wheel`, fetched into the step's scratch directory."""
    with network_hints(), watched_download(context, context.scratch):
        return pip_of(context, str(wheel)).fetch(wheel)


@contextmanager
def toolchain_fetcher(release: GoRelease, context: StepContext) -> Iterator[ToolchainFetcher]:
    """What fetches `release`, while its download is watched."""
    fetcher = ToolchainFetcher(
        goroot=bootstrap_root(context.needs["bootstrap"]),
        runner=context.runner,
        environment=online(context, release.module),
        stall_s=context.network.stall_s,
        scratch=context.scratch,
    )
    with network_hints(), watched_download(context, context.scratch / "modules" / "cache"):
        yield fetcher


def _fetch_wheel(wheel: Wheel, context: StepContext) -> None:
    unpack_wheel(fetch_wheel(wheel, context), context.output)


def _fetch_go(release: GoRelease, context: StepContext) -> None:
    with toolchain_fetcher(release, context) as fetcher:
        fetcher.fetch(release, context.output)


WHEEL = StepKind(name="wheel", version=1, run=_fetch_wheel, downloads=True)
GO_TOOLCHAIN = StepKind(name="go-toolchain", version=1, run=_fetch_go, downloads=True)

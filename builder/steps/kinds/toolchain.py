"""The kinds of steps that fetch toolchains."""

from builder.steps.context import StepContext
from builder.steps.kinds.common import online, watched_download
from builder.steps.step import StepKind
from builder.toolchain.go import GoRelease, ToolchainFetcher, bootstrap_root
from builder.toolchain.network import network_hints
from builder.toolchain.wheels import Pip, Wheel, unpack_wheel


def _fetch_wheel(wheel: Wheel, context: StepContext) -> None:
    pip = Pip(
        runner=context.runner,
        environment=online(context, str(wheel)),
        stall_s=context.network.stall_s,
        scratch=context.scratch,
    )
    with network_hints(), watched_download(context, context.scratch):
        archive = pip.fetch(wheel)
    unpack_wheel(archive, context.output)


def _fetch_go(release: GoRelease, context: StepContext) -> None:
    fetcher = ToolchainFetcher(
        goroot=bootstrap_root(context.needs["bootstrap"]),
        runner=context.runner,
        environment=online(context, release.module),
        stall_s=context.network.stall_s,
        scratch=context.scratch,
    )
    with network_hints(), watched_download(context, context.scratch / "modules" / "cache"):
        fetcher.fetch(release, context.output)


WHEEL = StepKind(name="wheel", version=1, run=_fetch_wheel, downloads=True)
GO_TOOLCHAIN = StepKind(name="go-toolchain", version=1, run=_fetch_go, downloads=True)

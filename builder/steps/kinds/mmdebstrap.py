"""The kind of step that makes a root file system by running what packages bring: the fallback for unknown scripts."""

from dataclasses import dataclass

from builder.core.arch import Arch
from builder.steps.context import StepContext
from builder.steps.kinds.tools import package_role
from builder.steps.step import StepKind

OUTPUT = "rootfs.tar"


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapInput:
    """A root file system for `arch` of the packages that the step needs as `package.NAME`, each a directory with one .deb.

    mmdebstrap and all that it starts come out of the step that is needed as `tools`. `epoch_s` and `verbatim` as in
    `rootfs.mmdebstrap.Bootstrap`.
    """

    arch: Arch
    epoch_s: int
    verbatim: bool = False


def _bootstrap(wanted: BootstrapInput, context: StepContext) -> None:
    from builder.rootfs.mmdebstrap import Bootstrap

    places = [path for role, path in context.needs.items() if role.startswith(package_role(""))]
    bootstrap = Bootstrap(
        debs=[deb for place in places for deb in place.iterdir()],
        arch=wanted.arch,
        epoch_s=wanted.epoch_s,
        verbatim=wanted.verbatim,
    )
    bootstrap.run(context.needs["tools"], context.output / OUTPUT, scratch=context.scratch, runner=context.runner)


MMDEBSTRAP = StepKind(name="mmdebstrap", version=1, run=_bootstrap)

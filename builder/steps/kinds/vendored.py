"""The kinds of steps that bring files as registries serve them, for a directory to build from later.

Those that a build works with unpack what they fetch.
"""

import shutil
from dataclasses import dataclass

from builder.core.arch import Arch
from builder.steps.context import StepContext
from builder.steps.kinds.common import copy_source, online, watched_download
from builder.steps.step import StepKind
from builder.toolchain.go import GoRelease, ToolchainFetcher, bootstrap_root
from builder.toolchain.network import network_hints
from builder.toolchain.wheels import Pip, Wheel

REQUIREMENTS = "requirements.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementsInput:
    """The wheels that the source `requirements.txt` pins, for hosts of `host` with Python `python` (`3.11`)."""

    host: Arch
    python: str


def _fetch_wheel_file(wheel: Wheel, context: StepContext) -> None:
    pip = _pip(context, str(wheel))
    with network_hints(), watched_download(context, context.scratch):
        archive = pip.fetch(wheel)
    shutil.copyfile(archive, context.output / archive.name)


def _fetch_requirements(wanted: RequirementsInput, context: StepContext) -> None:
    pip = _pip(context, f"Python packages for {wanted.host}")
    pinned = context.scratch / REQUIREMENTS
    copy_source(context.sources[REQUIREMENTS], pinned)
    with network_hints(), watched_download(context, context.output):
        pip.fetch_all(pinned, context.output, host=wanted.host, python=wanted.python)


def _fetch_release_files(release: GoRelease, context: StepContext) -> None:
    fetcher = ToolchainFetcher(
        goroot=bootstrap_root(context.needs["bootstrap"]),
        runner=context.runner,
        environment=online(context, release.module),
        stall_s=context.network.stall_s,
        scratch=context.scratch,
    )
    with network_hints(), watched_download(context, context.scratch / "modules" / "cache"):
        fetcher.fetch_files(release, context.output)


def _pip(context: StepContext, what: str) -> Pip:
    return Pip(
        runner=context.runner,
        environment=online(context, what),
        stall_s=context.network.stall_s,
        scratch=context.scratch,
    )


WHEEL_FILE = StepKind(name="wheel-file", version=1, run=_fetch_wheel_file, downloads=True)
REQUIREMENT_FILES = StepKind(name="requirement-files", version=1, run=_fetch_requirements, downloads=True)
GO_RELEASE_FILES = StepKind(name="go-release-files", version=1, run=_fetch_release_files, downloads=True)

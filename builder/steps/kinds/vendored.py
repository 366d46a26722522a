"""The kinds of steps that bring files as registries serve them, for a directory to build from later.

Those that a build works with unpack what they fetch.
"""

import shutil
from dataclasses import dataclass

from builder.core.arch import Arch
from builder.steps.context import StepContext
from builder.steps.kinds.common import copy_source, watched_download
from builder.steps.kinds.toolchain import fetch_wheel, pip_of, toolchain_fetcher
from builder.steps.step import StepKind
from builder.toolchain.go import GoRelease
from builder.toolchain.network import network_hints
from builder.toolchain.wheels import Wheel

REQUIREMENTS = "requirements.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementsInput:
    """The wheels that the source `requirements.txt` pins, for hosts of `host` with Python `python` (`3.11`)."""

    host: Arch
    python: str


def _fetch_wheel_file(wheel: Wheel, context: StepContext) -> None:
    archive = fetch_wheel(wheel, context)
    shutil.copyfile(archive, context.output / archive.name)


def _fetch_requirements(wanted: RequirementsInput, context: StepContext) -> None:
    pip = pip_of(context, f"Python packages for {wanted.host}")
    pinned = context.scratch / REQUIREMENTS
    copy_source(context.sources[REQUIREMENTS], pinned)
    with network_hints(), watched_download(context, context.output):
        pip.fetch_all(pinned, context.output, host=wanted.host, python=wanted.python)


def _fetch_release_files(release: GoRelease, context: StepContext) -> None:
    with toolchain_fetcher(release, context) as fetcher:
        fetcher.fetch_files(release, context.output)


WHEEL_FILE = StepKind(name="wheel-file", version=1, run=_fetch_wheel_file, downloads=True)
REQUIREMENT_FILES = StepKind(name="requirement-files", version=1, run=_fetch_requirements, downloads=True)
GO_RELEASE_FILES = StepKind(name="go-release-files", version=1, run=_fetch_release_files, downloads=True)

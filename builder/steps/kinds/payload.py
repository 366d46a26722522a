"""The kinds of steps that make a payload and put it into the executable."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.core.arch import Arch
from builder.core.errors import BuilderError
from builder.io.files import copy_file
from builder.payload.pack import COMPRESSOR, Packing, assemble
from builder.steps.context import StepContext
from builder.steps.kinds.common import require_static
from builder.steps.step import StepKind


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadInput:
    """What is packed for `arch`: each step that is needed as `helper.NAME` or `closed-set.NAME`.

    `helpers` maps names to the further names that link to them, `versions` components to what they are.
    """

    arch: Arch
    helpers: Mapping[str, tuple[str, ...]]
    closed_sets: tuple[str, ...]
    versions: Mapping[str, str]
    compressor: str = COMPRESSOR


def _pack(wanted: PayloadInput, context: StepContext) -> None:
    tree = context.scratch / "tree"
    for name, links in wanted.helpers.items():
        place = tree / "bin" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        copy_file(context.needs[f"helper.{name}"] / name, place, mode=0o755)
        for link in links:
            _link(tree / link, place)
    for name in wanted.closed_sets:
        shutil.copytree(context.needs[f"closed-set.{name}"], tree, symlinks=True, dirs_exist_ok=True)
    Packing(tree=tree, arch=wanted.arch, versions=wanted.versions).run(context.output, cores=context.cores)


def _link(place: Path, target: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        place.symlink_to(os.path.relpath(target, place.parent))
    except FileExistsError:
        raise BuilderError(
            f"two helpers want to be called {place.name}", hint="look at the links of the helpers"
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssemblyInput:
    """The executable `name` for `arch`, of the steps needed as `executable` and `payload`."""

    name: str
    arch: Arch


def _assemble(wanted: AssemblyInput, context: StepContext) -> None:
    target = context.output / wanted.name
    assemble(context.needs["executable"] / wanted.name, context.needs["payload"], target)
    require_static(context, target, wanted.arch, name=wanted.name)


PAYLOAD = StepKind(name="payload", version=1, run=_pack)
ASSEMBLY = StepKind(name="assembly", version=1, run=_assemble)

"""From a recipe and its lock to the steps that make what it asks for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from builder.core.arch import Arch
from builder.core.output import Output
from builder.plan.built import GoWorkshop
from builder.plan.helpers import HelperWorkshop
from builder.plan.images import ImagesWorkshop
from builder.plan.imported import import_step
from builder.plan.inputs import Inputs
from builder.plan.rootfs import RootfsWorkshop
from builder.recipe.cluster import ImportedCluster
from builder.steps.step import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One output of a recipe for one architecture, the step that makes it, and where it lies in the output directory."""

    arch: Arch
    output: Output
    step: Step[Any]
    place: PurePosixPath


def compose(inputs: Inputs, archs: Sequence[Arch], outputs: Sequence[Output]) -> tuple[Target, ...]:
    """The targets of the recipe that make `outputs` for `archs`, their steps sharing what does not depend on the architecture."""
    images = ImagesWorkshop(inputs=inputs)
    makers: dict[Output, Callable[[Arch], Step[Any]]] = {
        Output.EXECUTABLE: _executables(inputs, images),
        Output.ROOTFS: RootfsWorkshop(inputs=inputs).rootfs,
        Output.BUNDLE: images.bundle,
    }
    return tuple(
        Target(arch=arch, output=output, step=makers[output](arch), place=_place(inputs.recipe.name, arch, output))
        for arch in archs
        for output in dict.fromkeys(outputs)
    )


def _place(recipe: str, arch: Arch, output: Output) -> PurePosixPath:
    """Each output has a manifest and checksums of its own: the executable at the top, others in a directory of their name."""
    top = PurePosixPath(recipe, arch)
    return top if output is Output.EXECUTABLE else top / output


def _executables(inputs: Inputs, images: ImagesWorkshop) -> Callable[[Arch], Step[Any]]:
    cluster = inputs.recipe.cluster
    if isinstance(cluster, ImportedCluster):
        return partial(import_step, inputs, cluster)
    return HelperWorkshop(go=GoWorkshop(inputs=inputs, cluster=cluster), release=images.release).assembled

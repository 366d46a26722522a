"""From a recipe and its lock to the steps that make what it asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from builder.core.arch import Arch
from builder.plan.built import GoWorkshop
from builder.plan.helpers import HelperWorkshop
from builder.plan.imported import import_step
from builder.plan.inputs import Inputs
from builder.recipe.cluster import ImportedCluster
from builder.recipe.models import Output
from builder.steps.step import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One output of a recipe for one architecture, and the step that makes it."""

    arch: Arch
    output: Output
    step: Step[Any]


def compose(inputs: Inputs, archs: Sequence[Arch]) -> tuple[Target, ...]:
    """The targets of the recipe for `archs`, their steps sharing what does not depend on the architecture."""
    cluster = inputs.recipe.cluster
    if isinstance(cluster, ImportedCluster):
        steps: list[Step[Any]] = [import_step(inputs, cluster, arch) for arch in archs]
    else:
        workshop = HelperWorkshop(go=GoWorkshop(inputs=inputs, cluster=cluster))
        steps = [workshop.assembled(arch) for arch in archs]
    return tuple(
        Target(arch=arch, output=Output.EXECUTABLE, step=step) for arch, step in zip(archs, steps, strict=True)
    )

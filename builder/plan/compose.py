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
from builder.plan.image import ImageWorkshop
from builder.plan.images import ImagesWorkshop, bundle_name
from builder.plan.imported import import_step
from builder.plan.inputs import Inputs
from builder.plan.rootfs import RootfsWorkshop
from builder.plan.toolchains import FETCH
from builder.recipe.cluster import ImportedCluster
from builder.steps.kinds.payload import EMBEDDING, EmbeddingInput
from builder.steps.step import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One output of a recipe for one architecture, the step that makes it, and where it lies in the output directory.

    `board` is the one that an image is for.
    """

    arch: Arch
    output: Output
    step: Step[Any]
    place: PurePosixPath
    board: str = ""


def compose(
    inputs: Inputs, archs: Sequence[Arch], outputs: Sequence[Output], boards: Sequence[str] = ()
) -> tuple[Target, ...]:
    """The targets of the recipe that make `outputs` for `archs`, their steps sharing what does not depend on the architecture.

    Images and updates are made for `boards`, or for those that the recipe has for each of `archs` where none is named.
    """
    images = ImagesWorkshop(inputs=inputs)
    executables, rootfs = _executables(inputs, images), RootfsWorkshop(inputs=inputs)
    makers: dict[Output, Callable[[Arch], Step[Any]]] = {
        Output.EXECUTABLE: executables,
        Output.ROOTFS: rootfs.rootfs,
        Output.BUNDLE: images.bundle,
    }
    workshop = ImageWorkshop(inputs=inputs, rootfs=rootfs, executable=executables)
    for_boards: dict[Output, Callable[[str], Step[Any]]] = {
        Output.IMAGE: workshop.image,
        Output.UPDATE: workshop.update,
    }
    targets: list[Target] = []
    for arch in archs:
        top = PurePosixPath(inputs.recipe.name, arch)
        for output in dict.fromkeys(outputs):
            if output in for_boards:
                targets += [
                    Target(
                        arch=arch, output=output, step=for_boards[output](name), place=top / output / name, board=name
                    )
                    for name in _boards(inputs, arch, boards)
                ]
            else:
                # Each has a manifest and checksums of its own: the executable at the top, others in a directory of their name.
                place = top if output is Output.EXECUTABLE else top / output
                targets.append(Target(arch=arch, output=output, step=makers[output](arch), place=place))
    return tuple(targets)


def _boards(inputs: Inputs, arch: Arch, asked: Sequence[str]) -> Sequence[str]:
    """The boards of `arch` that images are made for."""
    boards, section = inputs.recipe.boards, inputs.recipe.image
    named = asked or (section.boards.get(arch, ()) if section else ())
    return [name for name in dict.fromkeys(named) if boards[name].architecture is arch]


def _executables(inputs: Inputs, images: ImagesWorkshop) -> Callable[[Arch], Step[Any]]:
    cluster = inputs.recipe.cluster
    if isinstance(cluster, ImportedCluster):
        return partial(import_step, inputs, cluster)
    assembled = HelperWorkshop(go=GoWorkshop(inputs=inputs, cluster=cluster), release=images.release).assembled
    return partial(_embedding, inputs, assembled, images.bundle) if inputs.recipe.bundle.embedded else assembled


def _embedding(
    inputs: Inputs, executables: Callable[[Arch], Step[Any]], bundles: Callable[[Arch], Step[Any]], arch: Arch
) -> Step[EmbeddingInput]:
    """The executable for `arch` with the bundle of images in it."""
    name = inputs.recipe.cluster.name
    return Step(
        id=f"{inputs.recipe.name}/{arch}/{name}-with-images",
        kind=EMBEDDING,
        input=EmbeddingInput(name=name, arch=arch, bundle=bundle_name(inputs, arch)),
        needs={"executable": executables(arch), "bundle": bundles(arch)},
        resources=FETCH,
        origins={"kind": inputs.origin("bundle.embedded")},
    )

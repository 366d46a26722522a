"""Which image somebody means, and which machine it is for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.app.images import find_image, read_manifest
from builder.app.manifest import Manifest
from builder.core.arch import Arch
from builder.core.errors import RecipeError
from builder.formats.diskimage import ImageFormat, identify_image
from builder.recipe.board import Stage
from builder.vm.machines import default_machine, read_machine
from builder.vm.model import MachineType


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """An image and the machine that it is started on; `why` says how the machine was found."""

    image: Path
    kind: ImageFormat
    machine_name: str
    machine: MachineType
    why: str


def choose(where: Path, machine: str | None, machines: Path) -> Chosen:
    """The image at `where`, a file or a directory that builds write to, on `machine` or the one that its manifest names.

    `machines` is the directory that describes them. `RecipeError` where there is no image, or none for that machine.
    """
    image = find_image(where)
    kind = identify_image(image)
    manifest = read_manifest(image)
    name, why = (machine, "as asked for") if machine else _machine_of(image, manifest, machines)
    found = read_machine(machines, name)
    if manifest and found.arch is not manifest.arch:
        raise RecipeError(
            f"{image} is for {manifest.arch}, and the machine {name} is of {found.arch}",
            hint=f"leave --machine out, or name one such as {default_machine(machines, manifest.arch)}",
        )
    return Chosen(image=image, kind=kind, machine_name=name, machine=found, why=why)


def _machine_of(image: Path, manifest: Manifest | None, machines: Path) -> tuple[str, str]:
    """A machine's name, and why that one."""
    if manifest is None:
        arch = _guess_arch(image)
        return default_machine(machines, arch), f"the path says {arch}, and no manifest lies beside the image"
    board = _board(image, manifest)
    if board is None:
        return default_machine(machines, manifest.arch), f"the usual one for {manifest.arch}"
    stages: Mapping[str, str] = board.get("machines", {})
    if not stages:
        raise RecipeError(
            f"no machine emulates the board of {image}", hint="--machine names one to be tried all the same"
        )
    order = [stage.value for stage in Stage]
    return max(stages, key=lambda name: order.index(stages[name])), "the board's"


def _board(image: Path, manifest: Manifest) -> dict[str, dict[str, str]] | None:
    """The board that `image` is for, out of the recipe in its manifest; its directory has the board's name."""
    boards = manifest.inputs.recipe.get("boards")
    board = boards.get(image.resolve().parent.name) if isinstance(boards, dict) else None
    return json.loads(json.dumps(board)) if isinstance(board, dict) else None


def _guess_arch(image: Path) -> Arch:
    parts = image.resolve().parts
    words = {word for part in parts for word in part.replace(".", "-").split("-")}
    named = [arch for arch in Arch if arch in words]
    if len(named) != 1:
        raise RecipeError(
            f"nothing says which machine {image} is for: no manifest lies beside it",
            hint="name one with --machine; 'recipes/machines' has them",
        )
    return named[0]

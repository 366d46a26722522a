"""The kinds of steps that make a payload and put it into the executable.

Plans know of them without importing what they work with.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.core.arch import Arch
from builder.core.errors import BuilderError
from builder.io.files import copy_file
from builder.steps.context import StepContext
from builder.steps.kinds.common import snapshot, zig_of
from builder.steps.kinds.oci import RELEASE_FILE
from builder.steps.step import StepKind

IMAGES = "images"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedSetInput:
    """An executable of the packages that the step needs as `packages`, with what it loads; fields as in `payload.closed_set`.

    The source `launcher.c` becomes the static program that starts it.
    """

    name: str
    arch: Arch
    executable: str


def _assemble_closed_set(wanted: ClosedSetInput, context: StepContext) -> None:
    from builder.audit.executable import audit_directory, require_sound
    from builder.audit.rules import ClosedSet as ClosedDirectory
    from builder.audit.rules import Rules
    from builder.cbuild.program import CProgram
    from builder.formats.deb import extract_all
    from builder.payload.closed_set import ClosedSet

    trees = []
    for package in sorted(context.needs["packages"].iterdir()):
        trees.append(context.scratch / "trees" / package.name)
        trees[-1].mkdir(parents=True)
        extract_all(package, trees[-1])
    ClosedSet(name=wanted.name, arch=wanted.arch, program=wanted.executable).run(trees, context.output)
    launchers = context.output / "bin"
    launchers.mkdir()
    launcher = CProgram(name=wanted.name, arch=wanted.arch, sources=("launcher.c",), texts={"NAME": wanted.name})
    launcher.run(zig_of(context), tree=snapshot(context), output=launchers)
    directory = context.output / "lib" / wanted.name
    closed = Rules(arch=wanted.arch, closed_set=ClosedDirectory(directory=directory))
    require_sound([*audit_directory(launchers, Rules(arch=wanted.arch)), *audit_directory(directory, closed)])


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadInput:
    """What is packed for `arch`: each step that is needed as `helper.NAME` or `closed-set.NAME`.

    `helpers` maps names to the further names that link to them, `versions` components to what they are. What it needs as `images`
    says which images the release was made with.
    """

    arch: Arch
    helpers: Mapping[str, tuple[str, ...]]
    closed_sets: tuple[str, ...]
    versions: Mapping[str, str]
    compressor: str


def _pack(wanted: PayloadInput, context: StepContext) -> None:
    from builder.payload.pack import Packing

    tree = context.scratch / "tree"
    for name, links in wanted.helpers.items():
        place = tree / "bin" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        copy_file(context.needs[f"helper.{name}"] / name, place, mode=0o755)
        for link in links:
            _link(tree / link, place)
    if release := context.needs.get(IMAGES):
        copy_file(release / RELEASE_FILE, tree / RELEASE_FILE, mode=0o644)
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
    from builder.audit.executable import audit_executable, require_sound
    from builder.audit.rules import Rules
    from builder.payload.pack import assemble

    target = context.output / wanted.name
    assemble(context.needs["executable"] / wanted.name, context.needs["payload"], target)
    # What was put together was audited before, paths of this machine included; this is about the file as a whole.
    require_sound([audit_executable(target, Rules(arch=wanted.arch), name=wanted.name)])


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingInput:
    """The executable `name` for `arch` with the bundle `bundle` in it, of the steps needed as `executable` and `bundle`."""

    name: str
    arch: Arch
    bundle: str


def _embed(wanted: EmbeddingInput, context: StepContext) -> None:
    from builder.oci.parts import bundle_files, first_file
    from builder.payload.bundle import embed_bundle

    files = bundle_files(first_file(context.needs["bundle"] / wanted.bundle))
    embed_bundle(context.needs["executable"] / wanted.name, files, context.output / wanted.name)


CLOSED_SET = StepKind(name="closed-set", version=1, run=_assemble_closed_set)
PAYLOAD = StepKind(name="payload", version=2, run=_pack)
ASSEMBLY = StepKind(name="assembly", version=1, run=_assemble)
EMBEDDING = StepKind(name="embedding", version=1, run=_embed)

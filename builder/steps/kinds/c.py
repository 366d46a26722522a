"""The kinds of steps that compile C.

Plans know of them without importing what they work with.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from builder.core.arch import Arch
from builder.steps.context import StepContext
from builder.steps.kinds.common import require_static, snapshot, zig_of
from builder.steps.step import StepKind


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryInput:
    """A static library out of the one file that the step needs as `archive`; fields as in `cbuild.library.CLibrary`."""

    name: str
    arch: Arch
    sources: tuple[str, ...]
    without: tuple[str, ...]
    include: tuple[str, ...]
    headers: tuple[str, ...]
    generated: Mapping[str, str]


def _build_library(wanted: LibraryInput, context: StepContext) -> None:
    from builder.cbuild.archive import unpack_source
    from builder.cbuild.library import CLibrary

    (archive,) = context.needs["archive"].iterdir()
    tree = context.scratch / "tree"
    unpack_source(archive, tree)
    library = CLibrary(
        name=wanted.name,
        arch=wanted.arch,
        sources=wanted.sources,
        without=frozenset(wanted.without),
        include=wanted.include,
        generated=wanted.generated,
        headers=wanted.headers,
    )
    library.run(zig_of(context), tree=tree, output=context.output)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramInput:
    """A static program out of the step's sources; fields as in `cbuild.program.CProgram`."""

    name: str
    arch: Arch
    sources: tuple[str, ...]


def _build_program(wanted: ProgramInput, context: StepContext) -> None:
    from builder.cbuild.program import CProgram

    program = CProgram(name=wanted.name, arch=wanted.arch, sources=wanted.sources, texts={})
    executable = program.run(zig_of(context), tree=snapshot(context), output=context.output)
    require_static(context, executable, wanted.arch, name=wanted.name)


C_LIBRARY = StepKind(name="c-library", version=1, run=_build_library)
C_PROGRAM = StepKind(name="c-program", version=1, run=_build_program)

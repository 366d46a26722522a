"""Which of a plan's steps bring something that is shipped, and what the licences of that ask for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from builder.core.resources import MIB, Resources
from builder.debian.pins import PinnedFile
from builder.plan.debian import pool_name
from builder.plan.toolchains import FETCH
from builder.steps.kinds.c import C_PROGRAM
from builder.steps.kinds.debian import ArchiveInput
from builder.steps.kinds.go import EXECUTABLE, GO_MODULES
from builder.steps.kinds.imported import IMPORT
from builder.steps.kinds.legal import (
    MODULES_LEGAL,
    PACKAGE_LEGAL,
    SOURCE_LEGAL,
    TOOLCHAIN_LEGAL,
    ModulesLegalInput,
    PackageLegalInput,
    SourceLegalInput,
    ToolchainLegalInput,
)
from builder.steps.kinds.rootfs import PACKAGE_CONTENT
from builder.steps.kinds.toolchain import GO_TOOLCHAIN
from builder.steps.kinds.tools import TOOLS_TREE
from builder.steps.step import Step
from builder.toolchain.wheels import Wheel

# What makes or brings an executable.
PROGRAMS = (EXECUTABLE, C_PROGRAM, IMPORT)
# Compressors, linkers, QEMU: they leave nothing of their own in what they make. zig does: its C library.
_TOOLS = (TOOLS_TREE, GO_TOOLCHAIN)
# A package that nothing unpacks is decompressed for its one file.
_LEGAL = Resources(cores=1, memory_bytes=64 * MIB)
# What a lock calls the architecture of an archive of C sources.
SOURCE = "source"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """The steps behind one artifact, without tools."""

    steps: Sequence[Step[Any]]

    @classmethod
    def behind(cls, target: Step[Any]) -> "Shipped":
        """Those of the artifact that `target` makes."""
        found: dict[str, Step[Any]] = {}
        waiting = [target]
        while waiting:
            step = waiting.pop()
            if step.id not in found and step.kind not in _TOOLS:
                found[step.id] = step
                waiting += step.needs.values()
        return cls(steps=[found[name] for name in sorted(found)])

    @property
    def pins(self) -> Iterator[tuple[PinnedFile, Step[Any]]]:
        """Files of Debian's archive, each with the step that fetches it."""
        for step in self.steps:
            if isinstance(step.input, ArchiveInput):
                yield from ((pin, step) for pin in step.input.pins)

    @property
    def programs(self) -> Iterator[Step[Any]]:
        """Steps that make, or bring, one executable each."""
        return self.of_kind(*PROGRAMS)

    @property
    def wheels(self) -> Iterator[Wheel]:
        """Tools whose C library is linked into what they make."""
        return (step.input for step in self.steps if isinstance(step.input, Wheel))

    @property
    def compilers(self) -> Iterator[Step[Any]]:
        """Toolchains whose own libraries are linked into something: Go, and those of `wheels`."""
        yield from (step for step in self.steps if isinstance(step.input, Wheel))
        yield from (step.needs["go"] for step in self.of_kind(EXECUTABLE))

    def of_kind(self, *kinds: object) -> Iterator[Step[Any]]:
        """Steps of these kinds."""
        return (step for step in self.steps if step.kind in kinds)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalPlan:
    """Steps that tell what licences ask for: by the digest of a package of C sources, those of modules, by a toolchain's name."""

    packages: Mapping[str, Step[Any]]
    sources: Mapping[str, Step[Any]]
    modules: Sequence[Step[Any]]
    toolchains: Mapping[str, Step[Any]]

    @classmethod
    def of(cls, everything: Sequence[Shipped]) -> "LegalPlan":
        """Those of all packages and modules in `everything`; what is unpacked already is read there."""
        contents = {step.needs["package"].key: step for one in everything for step in one.of_kind(PACKAGE_CONTENT)}
        packages: dict[str, Step[Any]] = {}
        sources: dict[str, Step[Any]] = {}
        for pin, step in (found for one in everything for found in one.pins):
            if pin.architecture == SOURCE:
                sources[pin.sha256] = _source_step(pin, step)
            elif pin.sha256 not in packages:
                needs = {"content": contents[step.key]} if step.key in contents else {"package": step}
                packages[pin.sha256] = _package_step(pin, needs)
        modules = {step.key: _modules_step(step) for one in everything for step in one.of_kind(GO_MODULES)}
        compilers = {step.id: step for one in everything for step in one.compilers}
        toolchains = {name.rpartition("/")[2]: _toolchain_step(step) for name, step in compilers.items()}
        return cls(packages=packages, sources=sources, modules=list(modules.values()), toolchains=toolchains)

    @property
    def steps(self) -> list[Step[Any]]:
        """All of them."""
        return [*self.packages.values(), *self.sources.values(), *self.modules, *self.toolchains.values()]


def _package_step(pin: PinnedFile, needs: Mapping[str, Step[Any]]) -> Step[PackageLegalInput]:
    return Step(
        id=f"debian/legal/{pool_name(pin)}",
        kind=PACKAGE_LEGAL,
        input=PackageLegalInput(file=pin.file_name),
        needs=needs,
        resources=_LEGAL,
    )


def _source_step(pin: PinnedFile, archive: Step[Any]) -> Step[SourceLegalInput]:
    return Step(
        id=f"debian/legal/{pin.name}_{pin.version.replace(':', '.')}_source",
        kind=SOURCE_LEGAL,
        input=SourceLegalInput(file=pin.file_name),
        needs={"archive": archive},
        resources=_LEGAL,
    )


def _toolchain_step(toolchain: Step[Any]) -> Step[ToolchainLegalInput]:
    return Step(
        id=f"{toolchain.id}-legal",
        kind=TOOLCHAIN_LEGAL,
        input=ToolchainLegalInput(),
        needs={"toolchain": toolchain},
        resources=FETCH,
    )


def _modules_step(modules: Step[Any]) -> Step[ModulesLegalInput]:
    return Step(
        id=f"{modules.id}-legal",
        kind=MODULES_LEGAL,
        input=ModulesLegalInput(),
        needs={"modules": modules},
        resources=FETCH,
    )

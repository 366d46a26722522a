"""The steps that make what travels inside the executable, and that put it there."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from builder.core.arch import ARCH_FACTS, Arch
from builder.core.errors import RecipeError
from builder.core.resources import GIB, MIB, Resources
from builder.debian.pins import PinnedFile
from builder.plan.built import GoWorkshop
from builder.plan.debian import files_step
from builder.plan.inputs import Inputs
from builder.plan.toolchains import FETCH, zig_step
from builder.recipe.helpers import CLibrary, ClosedSet
from builder.recipe.lockfile import LockedDebian
from builder.steps.kinds.c import C_LIBRARY, LibraryInput
from builder.steps.kinds.debian import ArchiveInput
from builder.steps.kinds.go import EXECUTABLE, ExecutableInput
from builder.steps.kinds.payload import (
    ASSEMBLY,
    CLOSED_SET,
    IMAGES,
    PAYLOAD,
    AssemblyInput,
    ClosedSetInput,
    PayloadInput,
)
from builder.steps.step import Step
from builder.toolchain.wheels import Wheel

# Measured with two cores and empty caches: runc 636 MiB, the other helpers at most 412, a closed set, when zig makes its C
# library first, 276, a library 131; compressing with two threads 225. More cores take more.
_HELPER = Resources(cores=1, memory_bytes=2 * GIB)
_C = Resources(cores=1, memory_bytes=512 * MIB)
_PAYLOAD = Resources(cores=1, memory_bytes=1 * GIB)
_LAUNCHER = "csrc/launcher.c"


@dataclass(frozen=True, kw_only=True)
class HelperWorkshop:
    """Composes the steps of helpers, closed sets and the payload for the cluster of `go`; shared steps are made once.

    `release` gives the step that says which images the release is made with, None where it needs none.
    """

    go: GoWorkshop
    release: Callable[[Arch], Step[Any] | None] = lambda _: None

    def assembled(self, arch: Arch) -> Step[Any]:
        """The executable for `arch` with its payload; the bare one where the recipe has nothing to carry."""
        executable = self.go.executable(arch)
        cluster = self.go.cluster
        if not cluster.helpers and not cluster.closed_sets:
            return executable
        return Step(
            id=f"{self._name}/{arch}/{cluster.name}",
            kind=ASSEMBLY,
            input=AssemblyInput(name=cluster.name, arch=arch),
            needs={"executable": executable, "payload": self.payload(arch)},
            resources=FETCH,
        )

    def payload(self, arch: Arch) -> Step[PayloadInput]:
        """The compressed helpers for `arch`."""
        from builder.payload.pack import COMPRESSOR  # noqa: PLC0415 - plans of other outputs need no compressor

        cluster = self.go.cluster
        helpers = {name: self.helper(name, arch) for name in cluster.helpers}
        sets = {name: self._closed_set(name, closed_set, arch) for name, closed_set in cluster.closed_sets.items()}
        return Step(
            id=f"{self._name}/{arch}/payload",
            kind=PAYLOAD,
            input=PayloadInput(
                arch=arch,
                helpers={name: helper.links for name, helper in cluster.helpers.items()},
                closed_sets=tuple(sets),
                versions=self._versions(arch),
                compressor=COMPRESSOR,
            ),
            needs={
                **{f"helper.{name}": step for name, step in helpers.items()},
                **{f"closed-set.{name}": step for name, step in sets.items()},
                **({IMAGES: release} if (release := self.release(arch)) else {}),
            },
            resources=_PAYLOAD,
        )

    def _versions(self, arch: Arch) -> dict[str, str]:
        """What travels inside, with what it links, and the version of each."""
        cluster = self.go.cluster
        versions = dict(self.go.variables({name: helper.version for name, helper in cluster.helpers.items()}))
        if cluster.closed_sets:
            # The first package is the one that the set is about.
            pins = {pin.name: pin.version for pin in self._debian.packages[arch]}
            versions |= {name: pins[closed_set.packages[0]] for name, closed_set in cluster.closed_sets.items()}
        if cluster.libraries:
            versions |= {pin.name: pin.version for pin in self._debian.sources}
        return versions

    def helper(self, name: str, arch: Arch) -> Step[ExecutableInput]:
        """The step that makes the helper `name` for `arch`."""
        helper = self.go.cluster.helpers[name]
        variables = self.go.variables(helper.variables)
        libraries = {f"library.{one}": self._library(one, arch) for one in helper.libraries}
        sources = self._inputs.helpers[name]
        return Step(
            id=f"{self._name}/{arch}/{name}",
            kind=EXECUTABLE,
            input=ExecutableInput(
                name=name,
                arch=arch,
                go_version=self._inputs.lock.go.version,
                package=helper.package,
                tags=helper.tags,
                variables=variables,
                libraries=helper.libraries,
            ),
            needs={**self.go.needs, **libraries, **({"zig": self._zig} if libraries else {})},
            sources=sources,
            resources=_HELPER,
            origins=self.go.origins(("cluster", "helpers", name), variables) | self._inputs.places(sources),
        )

    def _library(self, name: str, arch: Arch) -> Step[LibraryInput]:
        library: CLibrary = self.go.cluster.libraries[name]
        return Step(
            id=f"{self._name}/{arch}/lib{name}",
            kind=C_LIBRARY,
            input=LibraryInput(
                name=name,
                arch=arch,
                sources=library.sources,
                without=library.without,
                include=library.include,
                headers=library.headers,
                generated=library.generated,
            ),
            needs={"zig": self._zig, "archive": self._archive(library.archive)},
            resources=_C,
        )

    def _closed_set(self, name: str, closed_set: ClosedSet, arch: Arch) -> Step[ClosedSetInput]:
        pins = {pin.name: pin for pin in self._debian.packages[arch]}
        packages = tuple(pins[package] for package in closed_set.packages)
        if _LAUNCHER not in self._inputs.module:
            raise RecipeError(
                f"{self._inputs.origin('cluster.source')}: closed sets are started by {_LAUNCHER}, which the source lacks",
                hint="take that file over from kedge's source, or drop cluster.closed_sets",
            )
        launcher = {"launcher.c": self._inputs.module[_LAUNCHER]}
        return Step(
            id=f"{self._name}/{arch}/{name}",
            kind=CLOSED_SET,
            input=ClosedSetInput(name=name, arch=arch, executable=closed_set.executable),
            needs={
                "zig": self._zig,
                "packages": self._files(f"debian/{ARCH_FACTS[arch].debian}/{name}", packages),
            },
            sources=launcher,
            resources=_C,
            origins=self._inputs.places(launcher),
        )

    def _archive(self, name: str) -> Step[ArchiveInput]:
        return self._files(f"debian/source/{name}", tuple(pin for pin in self._debian.sources if pin.name == name))

    def _files(self, step_id: str, pins: tuple[PinnedFile, ...]) -> Step[ArchiveInput]:
        return files_step(step_id, pins, self._inputs.recipe.debian)

    @cached_property
    def _zig(self) -> Step[Wheel]:
        return zig_step(self._inputs.lock, self._inputs.host)

    @property
    def _debian(self) -> LockedDebian:
        locked = self._inputs.lock.debian
        if locked is None:  # a lock that fits its recipe has it
            raise RecipeError("the lock pins nothing of Debian's archive", hint="run 'builder lock --update'")
        return locked

    @property
    def _inputs(self) -> Inputs:
        return self.go.inputs

    @property
    def _name(self) -> str:
        return self.go.inputs.recipe.name

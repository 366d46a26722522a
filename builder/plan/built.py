"""The steps that compile a cluster executable and what it links."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from builder.core.arch import Arch
from builder.core.resources import GIB, Resources
from builder.plan.inputs import Inputs
from builder.plan.toolchains import FETCH, go_step
from builder.recipe.cluster import BuiltCluster
from builder.recipe.images import GoProgram
from builder.recipe.keypath import KeyPath, format_key_path
from builder.recipe.templates import variable_values
from builder.steps.kinds.go import (
    EXECUTABLE,
    GO_MODULES,
    PATCHED_MODULES,
    PINS,
    ExecutableInput,
    ModulesInput,
    PatchesInput,
)
from builder.steps.source import SourceFile
from builder.steps.step import Step
from builder.toolchain.go import GoRelease

# Linking most of Kubernetes' client code; kedge, which has all of it, declares what it needs in the recipe.
_PROGRAM = Resources(cores=1, memory_bytes=3 * GIB)


@dataclass(frozen=True, kw_only=True)
class GoWorkshop:
    """Composes the steps on the Go module of `cluster`, which is that of the inputs' recipe; shared steps are made once."""

    inputs: Inputs
    cluster: BuiltCluster

    def executable(self, arch: Arch) -> Step[ExecutableInput]:
        """The step that makes the executable for `arch`."""
        cluster = self.cluster
        variables = self.variables(cluster.variables)
        return Step(
            id=f"{self.inputs.recipe.name}/{arch}/executable",
            kind=EXECUTABLE,
            input=ExecutableInput(
                name=cluster.name,
                arch=arch,
                go_version=self.inputs.lock.go.version,
                package=cluster.package,
                tags=cluster.tags,
                variables=variables,
            ),
            needs=self.needs,
            sources=self.inputs.module,
            resources=cluster.resources.as_resources(),
            origins=self.origins(("cluster",), variables) | self.inputs.places(self.inputs.module),
        )

    def program(
        self, step_id: str, wanted: GoProgram, sources: Mapping[str, SourceFile], arch: Arch
    ) -> Step[ExecutableInput]:
        """The step that makes a program of `sources` for `arch`; it is called as the last part of `step_id`."""
        return Step(
            id=step_id,
            kind=EXECUTABLE,
            input=ExecutableInput(
                name=step_id.rpartition("/")[2],
                arch=arch,
                go_version=self.inputs.lock.go.version,
                package=wanted.package,
                tags=wanted.tags,
                variables=self.variables(wanted.variables),
            ),
            needs=self.needs,
            sources=sources,
            resources=_PROGRAM,
            origins=self.inputs.places(sources),
        )

    @cached_property
    def go(self) -> Step[GoRelease]:
        """The Go toolchain."""
        return go_step(self.inputs.lock, self.inputs.host)

    @cached_property
    def needs(self) -> Mapping[str, Step[Any]]:
        """What every executable needs: the toolchain, the modules, and those of them that are patched."""
        needs: dict[str, Step[Any]] = {"go": self.go, "modules": self._modules}
        if self.cluster.patches:
            needs["patched"] = self.patched
        return needs

    @cached_property
    def pins(self) -> Mapping[str, SourceFile]:
        """The go.mod and go.sum that pin the modules."""
        return {name: self.inputs.module[name] for name in PINS}

    @cached_property
    def patched(self) -> Step[PatchesInput]:
        """The modules that the recipe patches."""
        sources = {**self.pins, **dict(zip(self._patch_names, self.inputs.patches, strict=True))}
        patches = [patch.module for patch in self.cluster.patches]
        return Step(
            id=f"{self.inputs.recipe.name}/patched-modules",
            kind=PATCHED_MODULES,
            input=PatchesInput(patches=tuple(zip(patches, self._patch_names, strict=True))),
            needs={"go": self.go, "modules": self._modules},
            sources=sources,
            origins={"input.patches": self.inputs.origin("cluster.patches")} | self.inputs.places(sources),
        )

    def variables(self, templates: Mapping[str, str]) -> Mapping[str, str]:
        """Linker variables with their templates filled in."""
        date = datetime.fromtimestamp(self.inputs.lock.epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return variable_values(templates, self.cluster, date=date)

    def origins(self, section: KeyPath, variables: Mapping[str, str]) -> dict[str, str]:
        """Where the facts of an executable were written, for the reasons that a plan gives; `section` names it."""
        keys = {f"input.{name}": (*section, name) for name in ("name", "package", "tags", "libraries")}
        keys |= {f"input.variables.{name}": (*section, "variables", name) for name in variables}
        return {fact: self.inputs.origin(format_key_path(key)) for fact, key in keys.items()}

    @cached_property
    def _modules(self) -> Step[ModulesInput]:
        return Step(
            id=f"{self.inputs.recipe.name}/modules",
            kind=GO_MODULES,
            input=ModulesInput(),
            needs={"go": self.go},
            sources=self.pins,
            resources=FETCH,
            origins=self.inputs.places(self.pins),
        )

    @cached_property
    def _patch_names(self) -> tuple[str, ...]:
        """Names that no two patches share, whatever their files are called."""
        return tuple(f"patches/{index:02}-{patch.file.name}" for index, patch in enumerate(self.cluster.patches))

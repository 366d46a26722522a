"""The steps that compile a cluster executable."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from builder.core.arch import Arch
from builder.plan.inputs import Inputs
from builder.plan.toolchains import FETCH, go_step
from builder.recipe.cluster import BuiltCluster
from builder.recipe.keypath import format_key_path
from builder.recipe.templates import variable_values
from builder.steps.kinds import EXECUTABLE, GO_MODULES, ExecutableInput, ModulesInput
from builder.steps.step import Step
from builder.toolchain.go import GoRelease


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """Composes the steps for `cluster`, which is that of the inputs' recipe; what architectures share is made once."""

    inputs: Inputs
    cluster: BuiltCluster

    def executable(self, arch: Arch) -> Step[ExecutableInput]:
        """The step that makes the executable for `arch`."""
        cluster = self.cluster
        return Step(
            id=f"{self.inputs.recipe.name}/{arch}/executable",
            kind=EXECUTABLE,
            input=ExecutableInput(
                name=cluster.name, arch=arch, package=cluster.package, tags=cluster.tags, variables=self._variables
            ),
            needs={"go": self._go, "modules": self._modules},
            sources=self.inputs.module,
            resources=cluster.resources.as_resources(),
            origins=self._origins(self._variables),
        )

    @cached_property
    def _go(self) -> Step[GoRelease]:
        return go_step(self.inputs.lock, self.inputs.host)

    @cached_property
    def _modules(self) -> Step[ModulesInput]:
        pins = {name: self.inputs.module[name] for name in ("go.mod", "go.sum")}
        return Step(
            id=f"{self.inputs.recipe.name}/modules",
            kind=GO_MODULES,
            input=ModulesInput(),
            needs={"go": self._go},
            sources=pins,
            resources=FETCH,
            origins=self.inputs.places(pins),
        )

    @cached_property
    def _variables(self) -> Mapping[str, str]:
        date = datetime.fromtimestamp(self.inputs.lock.epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return variable_values(self.cluster.variables, self.cluster, date=date)

    def _origins(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Where the facts of an executable were written, for the reasons that a plan gives."""
        keys = {"input.name": "cluster.name", "input.package": "cluster.package", "input.tags": "cluster.tags"}
        keys |= {f"input.variables.{name}": format_key_path(("cluster", "variables", name)) for name in variables}
        return {fact: self.inputs.origin(key) for fact, key in keys.items()} | self.inputs.places(self.inputs.module)

"""From a recipe and its lock to the steps that make what it asks for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from builder.core.arch import Arch
from builder.core.digest import Digest
from builder.core.errors import MissingToolError
from builder.core.resources import MIB, Resources
from builder.recipe.keypath import format_key_path
from builder.recipe.lockfile import Lock
from builder.recipe.models import Output, Recipe
from builder.recipe.templates import variable_values
from builder.steps.kinds import EXECUTABLE, GO_MODULES, GO_TOOLCHAIN, WHEEL, ExecutableInput, ModulesInput
from builder.steps.source import SourceFile
from builder.steps.step import Step
from builder.toolchain.go import BOOTSTRAP_WHEEL, GoRelease
from builder.toolchain.wheels import Wheel
from builder.toolchain.zig import ZIG_WHEEL

# pip and the Go command fetching and unpacking; measured below 64 MiB.
_FETCH = Resources(cores=1, memory_bytes=256 * MIB)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Everything that a plan is made from.

    `module` are the files of the cluster's Go module by their path in it, its go.mod and go.sum taken from where the lock
    says. `origin` tells where a key of the recipe was written (`recipes/edge.yaml:14:7`, `default`), `shown` how a path is
    written for people.
    """

    recipe: Recipe
    lock: Lock
    host: Arch
    module: Mapping[str, SourceFile]
    origin: Callable[[str], str]
    shown: Callable[[Path], str] = str


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One output of a recipe for one architecture, and the step that makes it."""

    arch: Arch
    output: Output
    step: Step[ExecutableInput]


def compose(inputs: Inputs, archs: Sequence[Arch]) -> tuple[Target, ...]:
    """The targets of the recipe for `archs`, their steps sharing what does not depend on the architecture."""
    go = go_step(inputs.lock, inputs.host)
    pins = {name: inputs.module[name] for name in ("go.mod", "go.sum")}
    modules = Step(
        id=f"{inputs.recipe.name}/modules",
        kind=GO_MODULES,
        input=ModulesInput(),
        needs={"go": go},
        sources=pins,
        resources=_FETCH,
        origins=_places(inputs, pins),
    )
    return tuple(
        Target(arch=arch, output=Output.EXECUTABLE, step=_executable(inputs, arch, go, modules)) for arch in archs
    )


def go_step(lock: Lock, host: Arch) -> Step[GoRelease]:
    """The Go toolchain of the lock, for this host."""
    return Step(
        id="toolchain/go",
        kind=GO_TOOLCHAIN,
        input=GoRelease(version=lock.go.version, host=host, h1=_for_host(lock.go.sums, host, "Go")),
        needs={"bootstrap": wheel_step(lock, BOOTSTRAP_WHEEL, host)},
        resources=_FETCH,
    )


def zig_step(lock: Lock, host: Arch) -> Step[Wheel]:
    """The C toolchain of the lock, for this host."""
    return wheel_step(lock, ZIG_WHEEL, host)


def wheel_step(lock: Lock, name: str, host: Arch) -> Step[Wheel]:
    """The wheel `name` of the lock, for this host."""
    locked = lock.wheels[name]
    digest = Digest(_for_host(locked.digests, host, name))
    return Step(
        id=f"toolchain/{name}",
        kind=WHEEL,
        input=Wheel(name=name, version=locked.version, host=host, digest=digest),
        resources=_FETCH,
    )


def _executable(inputs: Inputs, arch: Arch, go: Step[GoRelease], modules: Step[ModulesInput]) -> Step[ExecutableInput]:
    cluster = inputs.recipe.cluster
    date = datetime.fromtimestamp(inputs.lock.epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    variables = variable_values(cluster, date=date)
    return Step(
        id=f"{inputs.recipe.name}/{arch}/executable",
        kind=EXECUTABLE,
        input=ExecutableInput(
            name=cluster.name, arch=arch, package=cluster.package, tags=cluster.tags, variables=variables
        ),
        needs={"go": go, "modules": modules},
        sources=inputs.module,
        resources=cluster.resources.as_resources(),
        origins=_origins(inputs, variables),
    )


def _origins(inputs: Inputs, variables: Mapping[str, str]) -> dict[str, str]:
    """Where the facts of an executable were written, for the reasons that a plan gives."""
    keys = {"input.name": "cluster.name", "input.package": "cluster.package", "input.tags": "cluster.tags"}
    keys |= {f"input.variables.{name}": format_key_path(("cluster", "variables", name)) for name in variables}
    return {fact: inputs.origin(key) for fact, key in keys.items()} | _places(inputs, inputs.module)


def _places(inputs: Inputs, sources: Mapping[str, SourceFile]) -> dict[str, str]:
    """Where source files lie, for the same reasons."""
    return {f"source.{name}": inputs.shown(source.path) for name, source in sources.items()}


def _for_host(pins: Mapping[Arch, str], host: Arch, what: str) -> str:
    try:
        return pins[host]
    except KeyError:
        raise MissingToolError(
            f"the lock pins no {what} for a machine of architecture {host}",
            hint=f"it can be built on: {', '.join(pins)}",
        ) from None

"""A clone of the checkout at work: builds in it, and what their events and manifests tell."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.process import Run, run
from builder.app.make import targets_of
from builder.app.manifest import Manifest
from builder.app.project import Project
from builder.app.wanted import Wanted
from builder.app.workspace import Workspace
from builder.core.arch import Arch
from builder.core.output import Output
from builder.plan.compose import Target
from builder.recipe.cluster import BuiltCluster
from builder.steps.kinds.go import ExecutableInput
from builder.steps.step import Step, reached


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTimes:
    """How long a step took, in seconds: `work_s` made the result, `keep_s` sealed, flushed and noted it."""

    step: str
    waited_s: float
    work_s: float
    keep_s: float
    peak_memory_bytes: int


@dataclass(frozen=True, kw_only=True)
class Build:
    """A build that ended well: the command, its events, the manifests of what it made."""

    run: Run
    manifests: Mapping[Arch, Manifest]

    @cached_property
    def events(self) -> list[Mapping[str, object]]:
        """The events in order (docs/reference/events.md)."""
        return [json.loads(line) for line in self.run.output.splitlines()]

    def seconds_until(self, event: str, step: str = "") -> float:
        """From the start of the command to the first event of that name (of that step)."""
        found = next(row for row in self.events if row["event"] == event and row.get("step", "") == step)
        return _number(found["time"]) - self.run.started_s

    def steps(self) -> Iterator[StepTimes]:
        """The steps that ran, in the order in which they ended."""
        times = {step: time for manifest in self.manifests.values() for step, time in manifest.times.items()}
        for row in self.events:
            if row["event"] == "step-finished" and not row["cached"]:
                name = str(row["step"])
                work_s = times[name].duration_s
                yield StepTimes(
                    step=name,
                    waited_s=self.seconds_until("step-started", name),
                    work_s=work_s,
                    keep_s=_number(row["duration_s"]) - work_s,
                    peak_memory_bytes=times[name].peak_memory_bytes,
                )

    def digests(self, arch: Arch) -> Mapping[str, str]:
        """The digest of each artifact by its name."""
        return {one.path: one.digest for one in self.manifests[arch].artifacts}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A checkout with a cache, and the recipe that is built in it."""

    project: Project
    recipe: str

    def builder(self, *arguments: str, terminal: bool = False, watched: bool = False) -> Run:
        """`./builderw ARGUMENTS` in the checkout."""
        root = self.project.root
        environment = self.project.environment
        return run([str(root / "builderw"), *arguments], cwd=root, env=environment, terminal=terminal, watched=watched)

    def make(self, archs: Sequence[Arch] = (), more: Sequence[str] = ()) -> Build:
        """`./builderw make` for `archs`, all of the recipe when empty, with `more` options."""
        options = [option for arch in archs for option in ("--arch", arch)]
        options += ["--target", Output.EXECUTABLE]
        done = self.builder("make", self.recipe, *options, "--events", "json", *more, watched=True)
        targets = targets_of(self.workspace(), Wanted(archs=archs, outputs=[Output.EXECUTABLE]))
        return Build(run=done, manifests={target.arch: self._manifest(target) for target in targets})

    def workspace(self) -> Workspace:
        """The recipe with its lock and sources, as they are now."""
        return self.project.open(self.recipe)

    @property
    def source(self) -> Path:
        """The directory of the cluster's Go module."""
        cluster = self.workspace().loaded.recipe.cluster
        if not isinstance(cluster, BuiltCluster):
            raise TypeError("the recipe builds no cluster")
        return cluster.source

    def targets(self, archs: Sequence[Arch] = ()) -> Sequence[Target]:
        """What the recipe makes for `archs`, all of the recipe when empty."""
        return targets_of(self.workspace(), Wanted(archs=archs, outputs=[Output.EXECUTABLE]))

    def _manifest(self, target: Target) -> Manifest:
        # The step's id begins with the recipe's name, which is also that of the directory.
        name = target.step.id.partition("/")[0]
        path = self.project.root / "out" / name / target.arch / "manifest.json"
        return Manifest.model_validate_json(path.read_bytes())


def steps_of(targets: Sequence[Target]) -> Mapping[str, Step[Any]]:
    """All steps that `targets` reach, by id."""
    return {step.id: step for target in targets for step in reached(target.step)}


def copy_path(root: Path, name: str) -> Path:
    """The path of the file `name` below `root`, its directory made."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _number(value: object) -> float:
    if isinstance(value, int | float):
        return float(value)
    raise TypeError(f"an event has {value!r} where a number is expected")


def executable_step(target: Target) -> Step[ExecutableInput]:
    """The step that links the executable of `target`, without what travels inside."""
    return next(step for step in reached(target.step) if step.id.endswith("/executable"))

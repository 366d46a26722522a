"""One run of the builder: the store, the machine, and the way to make steps."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from builder.app.project import Project
from builder.core.arch import Arch, host_arch
from builder.core.digest import Digest
from builder.core.events import Event, EventSink
from builder.debian.client import SharedClient
from builder.exec.executor import Executor
from builder.exec.logs import RunLogs
from builder.exec.result import BuildResult, StepsFailedError
from builder.exec.signals import cancel_on_signals
from builder.io.leash import Leash
from builder.io.machine import machine_resources
from builder.io.scratch import scratch_directory
from builder.io.spawn import CancelToken, Runner
from builder.oci.registry.shared import SharedRegistries
from builder.plan.plan import Action, Plan
from builder.plan.planner import LastRun, make_plan
from builder.steps.context import Network
from builder.steps.step import Step
from builder.store.store import Store
from builder.toolchain.network import network_environment

if TYPE_CHECKING:
    from builder.app.sharing.cache import Sharing
    from builder.app.vendor.origin import VendorOrigin

DEFAULT_STALL_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the user chose for a run.

    `stall_s`: a transfer that has not moved for so long is ended. `origin`: everything is fetched from there alone. `sharing`:
    results that other machines made, or that they are given.
    """

    offline: bool = False
    stall_s: float = DEFAULT_STALL_S
    origin: "VendorOrigin | None" = None
    sharing: "Sharing | None" = None


def _unheard(_: Event) -> None:
    """For commands that run no steps."""


class Session:
    """Everything that one command of the builder works with; a context manager that closes the store."""

    def __init__(self, project: Project, settings: Settings, *, sink: EventSink = _unheard) -> None:
        self.project = project
        self.settings = settings
        self.sink = sink
        self.cancel = CancelToken()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if "store" in self.__dict__:
            self.store.close()
        if "network" in self.__dict__:
            self.network.http.close()
            self.network.registries.close()

    @cached_property
    def store(self) -> Store:
        """The store; opened at its first use."""
        return Store(self.project.store)

    @cached_property
    def network(self) -> Network:
        """How steps reach the outside."""
        if self.settings.origin:
            return self.settings.origin.network(stall_s=self.settings.stall_s)
        environment = network_environment(self.project.environment)
        return Network(
            offline=self.settings.offline,
            stall_s=self.settings.stall_s,
            environment=environment,
            http=SharedClient(environment, stall_s=self.settings.stall_s),
            registries=SharedRegistries(self.project.environment, stall_s=self.settings.stall_s),
        )

    def plan(self, targets: Sequence[Step[Any]], damaged: Mapping[Digest, str] | None = None) -> Plan:
        """What making `targets` takes, by the store's index."""
        return make_plan(targets, StoreIndex(store=self.store, scope=self.project.scope), damaged=damaged)

    def build(self, targets: Sequence[Step[Any]]) -> BuildResult:
        """Make `targets`; raises when a step failed."""
        if self.settings.sharing is None:
            return self._execute(targets)
        from builder.app.sharing.run import Surroundings, shared_cache  # noqa: PLC0415 - most builds share nothing

        around = Surroundings(
            environment=self.project.environment,
            stall_s=self.settings.stall_s,
            store=self.store,
            sink=self.sink,
            cancel=self.cancel,
            bench=self.bench,
        )
        with shared_cache(around, self.settings.sharing) as cache:
            cache.take(targets)
            try:
                result = self._execute(targets)
            except StepsFailedError as error:
                cache.give(made_steps(error.result.plan))
                raise
            cache.give(made_steps(result.plan))
            return result

    def _execute(self, targets: Sequence[Step[Any]]) -> BuildResult:
        return self.executor.execute(lambda damaged: self._possible_plan(targets, damaged))

    def _possible_plan(self, targets: Sequence[Step[Any]], damaged: Mapping[Digest, str]) -> Plan:
        plan = self.plan(targets, damaged)
        if self.settings.origin:
            self.settings.origin.require(plan, self.cancel.check)
        return plan

    def obtain(self, step: Step[Any]) -> Path:
        """The files of `step`, made when they are not in the store."""
        return self.build([step]).output(step)

    @property
    def host(self) -> Arch:
        """The architecture of this machine."""
        return host_arch()

    @contextmanager
    def bench(self, name: str) -> Iterator[tuple[Runner, Path]]:
        """A runner with the log `name` and a scratch directory, for work that is no step: its result is not kept."""
        logs = RunLogs(self.project.logs, time.time())
        logs.prepare()
        with scratch_directory(self.project.cache) as scratch, Leash() as leash, cancel_on_signals(self.cancel):
            yield Runner(log=logs.of_step(name), cancel=self.cancel, leash=leash), scratch

    @cached_property
    def executor(self) -> Executor:
        """Runs plans on this machine."""
        return Executor(
            store=self.store,
            machine=machine_resources(),
            sink=self.sink,
            cancel=self.cancel,
            caches=self.project.caches,
            network=self.network,
            logs=self.project.logs,
            scope=self.project.scope,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreIndex:
    """The store's index as planning asks it."""

    store: Store
    scope: str

    def present(self, keys: Collection[Digest]) -> Collection[Digest]:
        """See `plan.planner.Index`."""
        return self.store.lookup(list(keys)).keys()

    def last_runs(self, step_ids: Collection[str]) -> Mapping[str, LastRun]:
        """See `plan.planner.Index`."""
        known = self.store.history(self.scope, list(step_ids))
        return {step: LastRun(facts=last.facts, duration_s=last.duration_s) for step, last in known.items()}


def made_steps(plan: Plan) -> list[Step[Any]]:
    """What others may want of a build: the steps that ran, and its targets."""
    made = [planned.step for planned in plan.steps if planned.action is Action.RUN]
    return [*made, *(target for target in plan.targets if target not in made)]

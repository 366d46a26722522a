"""A small builder whose steps are shell scripts, also as a program: `python -m tests.integration.engine.toy CACHE SPEC`."""

import json
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.core.events import Event, EventSink, to_json
from builder.core.resources import GIB, MIB, Resources
from builder.debian.client import SharedClient
from builder.exec.executor import Executor
from builder.exec.result import BuildResult
from builder.io.cancel import CancelToken
from builder.io.spawn import Command
from builder.oci.registry.shared import SharedRegistries
from builder.plan.plan import Plan
from builder.plan.planner import LastRun, make_plan
from builder.steps.caches import CacheDirs
from builder.steps.context import Network, StepContext
from builder.steps.step import Step, StepKind
from builder.store.store import Store

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MACHINE = Resources(cores=4, memory_bytes=4 * GIB)


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A shell script with `$OUT`, `$SCRATCH` and the output of each need in `$NEED_<role>`."""

    text: str
    stall_s: float | None = None
    timeout_s: float | None = None


def _run(script: Script, context: StepContext) -> None:
    needs = {f"NEED_{role}": str(path) for role, path in context.needs.items()}
    environment = {"PATH": PATH, "OUT": str(context.output), "SCRATCH": str(context.scratch), **needs}
    context.runner.run(
        Command(
            argv=["sh", "-e", "-c", script.text],
            env=environment,
            cwd=context.scratch,
            stall_s=script.stall_s,
            timeout_s=script.timeout_s,
        )
    )


SHELL = StepKind(name="shell", version=1, run=_run)


def shell(  # noqa: PLR0913 - a short form for tests
    name: str,
    text: str,
    needs: Mapping[str, Step[Any]] | None = None,
    *,
    cores: int = 1,
    memory_bytes: int = 256 * MIB,
    disk_bytes: int = 0,
    stall_s: float | None = None,
) -> Step[Any]:
    """A step that runs a script."""
    return Step(
        id=name,
        kind=SHELL,
        input=Script(text=text, stall_s=stall_s),
        needs=needs or {},
        resources=Resources(cores=cores, memory_bytes=memory_bytes, disk_bytes=disk_bytes),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreIndex:
    store: Store

    def present(self, keys: Collection[Digest]) -> Collection[Digest]:
        return self.store.lookup(list(keys)).keys()

    def last_runs(self, step_ids: Collection[str]) -> Mapping[str, LastRun]:
        known = self.store.history("toy", list(step_ids))
        return {step: LastRun(facts=last.facts, duration_s=last.duration_s) for step, last in known.items()}


@dataclass(kw_only=True)
class Toy:
    """The builder: its cache directory, its machine, and the events of its builds."""

    cache: Path
    machine: Resources = MACHINE
    events: list[Event] = field(default_factory=list)
    sink: EventSink | None = None
    cancel: CancelToken = field(default_factory=CancelToken)

    def __post_init__(self) -> None:
        self.store = Store(self.cache / "store")

    @property
    def executor(self) -> Executor:
        for name in ("build", "modules", "zig"):
            (self.cache / name).mkdir(parents=True, exist_ok=True)
        return Executor(
            store=self.store,
            machine=self.machine,
            sink=self.sink or self.events.append,
            cancel=self.cancel,
            caches=CacheDirs(
                go_build=self.cache / "build",
                go_modules=self.cache / "modules",
                zig=self.cache / "zig",
                debian=self.cache / "debian",
            ),
            network=Network(
                offline=True,
                stall_s=1.0,
                environment={},
                http=SharedClient({}, stall_s=1.0),
                registries=SharedRegistries({}, stall_s=1.0),
            ),
            logs=self.cache / "logs",
            scope="toy",
        )

    def plan(self, targets: Sequence[Step[Any]], damaged: Mapping[Digest, str] | None = None) -> Plan:
        return make_plan(targets, StoreIndex(store=self.store), damaged=damaged)

    def build(self, *targets: Step[Any]) -> BuildResult:
        self.events.clear()
        return self.executor.execute(lambda damaged: self.plan(targets, damaged))

    def close(self) -> None:
        self.store.close()

    def names(self, kind: type[Event]) -> list[str]:
        """The steps of the events of a kind, in order."""
        return [event.step for event in self.events if isinstance(event, kind) and hasattr(event, "step")]

    def left_behind(self) -> list[str]:
        """Unfinished work in the store."""
        return [str(path) for path in (self.cache / "store" / "work").rglob("*")]


def steps_from(spec: Sequence[Mapping[str, Any]]) -> list[Step[Any]]:
    """Steps from their JSON form: name, text, needs (role to name), cores."""
    made: dict[str, Step[Any]] = {}
    for row in spec:
        needs = {role: made[name] for role, name in row.get("needs", {}).items()}
        made[row["name"]] = shell(row["name"], row["text"], needs, cores=row.get("cores", 1))
    return list(made.values())


def main(cache: str, spec: str) -> int:
    """Build all steps of the file `spec`; events as JSON lines on standard output; the exit code of the outcome."""

    def tell(event: Event) -> None:
        print(json.dumps(to_json(event, time_s=time.time())), flush=True)  # noqa: T201

    toy = Toy(cache=Path(cache), sink=tell)
    try:
        toy.build(*steps_from(json.loads(Path(spec).read_text())))
    except BuilderError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return error.exit_code
    finally:
        toy.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

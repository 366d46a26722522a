"""What the engine tells while it works: typed events that one place renders.

`to_json` makes the wire form of `--events json`. The reference page and the JSON Schema are generated from this module.

The version of the wire form rises only when a field changes its meaning or goes away. Fields and events are added
without a new version.
"""

import typing
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import ClassVar, TypeAlias

from builder.core.digest import Json

EVENTS_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanMade:
    """The plan is known: `steps` in all, of which `cached` need no work; steps that nothing needs are not counted.

    It comes a second time when a stored result proved damaged only while it was copied, and is made again.

    `estimate_s` adds up what the steps to run took in their earlier runs, one after another; `unknown` of them have no
    earlier run and count nothing in it. It is None where no run is recorded.
    """

    event: ClassVar[str] = "plan"
    steps: int
    cached: int
    estimate_s: float | None
    unknown: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted:
    """A step begins to run because of `reason`; `estimate_s` comes from earlier runs of the same step."""

    event: ClassVar[str] = "step-started"
    step: str
    reason: str
    estimate_s: float | None
    log: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepWaiting:
    """Another builder makes the same step at this moment; this one waits for its result.

    It ends with `step-finished` (cached) or, when the other one gave up, with `step-started`. `estimate_s` as there.
    """

    event: ClassVar[str] = "step-waiting"
    step: str
    estimate_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepProgress:
    """How far a running step is, in `unit` (`bytes`, `files`, ...); `total` is None where it cannot be known.

    `rate` (units per second) and `left_s` are None where nobody measures them.
    """

    event: ClassVar[str] = "step-progress"
    step: str
    what: str
    done: int
    total: int | None
    unit: str
    rate: float | None = None
    left_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFinished:
    """A step ended well. `peak_memory_bytes` is the highest sum over its processes that was sampled."""

    event: ClassVar[str] = "step-finished"
    step: str
    cached: bool
    duration_s: float
    downloaded_bytes: int
    peak_memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFailed:
    """A step failed. `command` is ready to paste into a shell, empty where no command was involved.

    `exit_status` is that of the command, None where there was none or it was ended by a signal.
    """

    event: ClassVar[str] = "step-failed"
    step: str
    brief: str
    details: tuple[str, ...]
    hint: str
    command: str
    log: str
    exit_status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSkipped:
    """A step was not run because `because_of`, which it needs, failed; `estimate_s` as in `step-started`."""

    event: ClassVar[str] = "step-skipped"
    step: str
    because_of: str
    estimate_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactWritten:
    """A file in the output directory is complete; `changed` is False where it was there already."""

    event: ClassVar[str] = "artifact"
    path: str
    digest: str
    size_bytes: int
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """Something the user should know that does not end the work."""

    event: ClassVar[str] = "warning"
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildFinished:
    """The last event of a build."""

    event: ClassVar[str] = "build-finished"
    ok: bool
    duration_s: float
    built: int
    cached: int
    failed: int
    skipped: int


Event: TypeAlias = (
    PlanMade
    | StepStarted
    | StepWaiting
    | StepProgress
    | StepFinished
    | StepFailed
    | StepSkipped
    | ArtifactWritten
    | Warned
    | BuildFinished
)
EventSink: TypeAlias = Callable[[Event], None]


def to_json(event: Event, *, time_s: float) -> dict[str, Json]:
    """The wire form of `event`, stamped with `time_s` (seconds since the epoch)."""
    return {"version": EVENTS_VERSION, "time": round(time_s, 3), "event": event.event, **asdict(event)}


def from_json(line: Mapping[str, Json]) -> Event:
    """The event of a wire form that a builder of this version wrote; `ValueError` for any other."""
    kind = next((one for one in typing.get_args(Event) if one.event == line.get("event")), None)
    if kind is None or line.get("version") != EVENTS_VERSION:
        raise ValueError(f"no event of this version: {line}")
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in line.items()}
    made: Event = kind(**{one.name: values[one.name] for one in fields(kind) if one.name in values})
    return made

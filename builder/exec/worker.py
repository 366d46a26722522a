"""Running one step: its claim, its world, its end."""

import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from builder.core.errors import BuilderError
from builder.core.events import Event, EventSink, StepFinished, StepProgress, StepStarted, StepWaiting, Warned
from builder.core.resources import MIB, format_size
from builder.exec.logs import RunLogs
from builder.io.cancel import CancelToken
from builder.io.files import is_disk_full
from builder.io.leash import Leash
from builder.io.space import check_space, free_space, full_disk_error
from builder.io.spawn import CommandError, Runner
from builder.io.usage import UsageMeter
from builder.plan.plan import PlannedStep
from builder.steps.caches import CacheDirs
from builder.steps.context import Network, StepContext
from builder.store.claim import Claim
from builder.store.entry import Entry
from builder.store.history import StepUse
from builder.store.record import Made
from builder.store.store import Store

# Room that is asked for even when nothing is known about a step: entry.json, the index, logs.
_LEAST_FREE_BYTES = 16 * MIB
# A file system with less than this is taken as the cause when a command fails; tools often hide the reason.
_FULL_BYTES = MIB
_PROGRESS_EVERY_S = 0.1
# As the C library writes them, and Go, which begins with a small letter.
_FULL_DISK_WORDS = ("no space left on device", "disk quota exceeded")
_TRACE_LINES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What all steps of a build share."""

    store: Store
    sink: EventSink
    cancel: CancelToken
    caches: CacheDirs
    network: Network
    leash: Leash
    logs: RunLogs
    scope: str
    clock: Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a step ended: with its entry, or with an error. `made` is None where the step did not run here."""

    planned: PlannedStep
    log: Path
    entry: Entry | None = None
    made: Made | None = None
    error: BuilderError | None = None


class StepProgressMeter:
    """The `progress` of a step: passes it on as events, at most ten a second, and adds up what was downloaded.

    Downloads are those with `what` "download" in "bytes"; a number lower than the last one begins another file. A call
    in the step's own thread ends the step when the build is cancelled, so steps that transfer in Python end soon.
    """

    def __init__(self, step: str, sink: EventSink, cancel: CancelToken) -> None:
        self._step = step
        self._sink = sink
        self._cancel = cancel
        self._thread = threading.get_ident()
        self._lock = threading.Lock()
        self._last_told_s = float("-inf")
        self._file_bytes = 0
        self._earlier_bytes = 0

    @property
    def downloaded_bytes(self) -> int:
        """What the step has downloaded so far."""
        return self._earlier_bytes + self._file_bytes

    def __call__(self, what: str, done: int, total: int | None, unit: str) -> None:
        """See `steps.context.Progress`."""
        if threading.get_ident() == self._thread:
            self._cancel.check()
        with self._lock:
            if what == "download" and unit == "bytes":
                if done < self._file_bytes:
                    self._earlier_bytes += self._file_bytes
                self._file_bytes = done
            now_s = time.monotonic()
            if now_s - self._last_told_s < _PROGRESS_EVERY_S and done != total:
                return
            self._last_told_s = now_s
        self._sink(StepProgress(step=self._step, what=what, done=done, total=total, unit=unit))


class Worker:
    """Runs one step in the calling thread."""

    def __init__(self, world: World, planned: PlannedStep, *, cores: int, expected_bytes: int) -> None:
        self._world = world
        self._planned = planned
        self._step = planned.step
        self._cores = cores
        self._expected_bytes = expected_bytes
        self._log = world.logs.of_step(planned.step.id)
        self._meter = UsageMeter()
        self._progress = StepProgressMeter(planned.step.id, world.sink, world.cancel)

    def run(self) -> Outcome:
        """Make the step's entry, or find that another builder made it; never raises an expected error."""
        try:
            return self._claim_and_make()
        except BuilderError as error:
            return self._failed(self._blame_full_disk(error))
        except OSError as error:
            if is_disk_full(error):
                return self._failed(full_disk_error(self._fullest(), what=f"{self._step.id} was made"))
            return self._failed(self._unexpected(error))
        except Exception as error:  # a defect in one step must not take the others down
            return self._failed(self._unexpected(error))

    def _claim_and_make(self) -> Outcome:
        world = self._world
        with world.store.claim(self._step.key, cancel=world.cancel, on_wait=self._tell_waiting) as claim:
            if claim.entry is not None:
                self._tell(
                    StepFinished(
                        step=self._step.id, cached=True, duration_s=0.0, downloaded_bytes=0, peak_memory_bytes=0
                    )
                )
                return Outcome(planned=self._planned, log=self._log, entry=claim.entry)
            return self._make(claim)

    def _make(self, claim: Claim) -> Outcome:
        self._tell(
            StepStarted(
                step=self._step.id,
                reason=self._planned.reason,
                estimate_s=self._planned.estimate_s,
                log=str(self._log),
            )
        )
        started_s = time.monotonic()
        world = self._world
        check_space(world.store.layout.root, self._expected_bytes + _LEAST_FREE_BYTES, what=self._step.id)
        try:
            self._step.run(self._context(claim))
        except CommandError as error:
            if self._blame_full_disk(error) is error:
                claim.keep()
            raise
        world.cancel.check()
        made = self._made(time.monotonic() - started_s)
        entry = claim.commit(made, created_s=world.clock(), check=world.cancel.check)
        # Step by step, not at the end of the build: an interrupted build has taught something too.
        world.store.remember(world.scope, [self._use(made, entry)])
        self._tell_finished(made, time.monotonic() - started_s)
        return Outcome(planned=self._planned, log=self._log, entry=entry, made=made)

    def _context(self, claim: Claim) -> StepContext:
        world = self._world
        return StepContext(
            output=claim.output,
            scratch=claim.scratch,
            needs={role: world.store.layout.output(needed.key) for role, needed in self._step.needs.items()},
            sources=self._step.sources,
            cores=self._cores,
            caches=world.caches,
            network=world.network,
            runner=Runner(log=self._log, cancel=world.cancel, leash=world.leash, meter=self._meter),
            progress=self._progress,
        )

    def _made(self, duration_s: float) -> Made:
        return Made(
            step=self._step.id,
            kind=self._step.kind.name,
            facts=self._step.facts,
            duration_s=duration_s,
            peak_memory_bytes=self._meter.usage().peak_memory_bytes,
            downloaded_bytes=self._progress.downloaded_bytes,
        )

    def _use(self, made: Made, entry: Entry) -> StepUse:
        return StepUse(
            step=self._step.id,
            key=self._step.key,
            facts=self._step.facts,
            duration_s=made.duration_s,
            peak_memory_bytes=made.peak_memory_bytes,
            size_bytes=entry.record.size_bytes,
        )

    def _tell_finished(self, made: Made, duration_s: float) -> None:
        declared = self._step.resources.memory_bytes
        if made.peak_memory_bytes > declared:
            self._tell(
                Warned(
                    message=f"{self._step.id} used {format_size(made.peak_memory_bytes)} of memory, "
                    f"more than the {format_size(declared)} that it declares"
                )
            )
        self._tell(
            StepFinished(
                step=self._step.id,
                cached=False,
                duration_s=duration_s,
                downloaded_bytes=made.downloaded_bytes,
                peak_memory_bytes=made.peak_memory_bytes,
            )
        )

    def _tell(self, event: Event) -> None:
        self._world.sink(event)

    def _tell_waiting(self) -> None:
        self._tell(StepWaiting(step=self._step.id, estimate_s=self._planned.estimate_s))

    def _failed(self, error: BuilderError) -> Outcome:
        return Outcome(planned=self._planned, log=self._log, error=error)

    def _fullest(self) -> Path:
        """The place among those that the step writes to that has least room."""
        caches = self._world.caches
        places = (self._world.store.layout.root, caches.go_build, caches.go_modules, caches.zig)
        return min(places, key=free_space)

    def _blame_full_disk(self, error: BuilderError) -> BuilderError:
        """Say so when a command failed for want of room."""
        if not isinstance(error, CommandError):
            return error
        said = any(word in line.lower() for line in error.failure.last_lines for word in _FULL_DISK_WORDS)
        place = self._fullest()
        if not said and free_space(place) >= _FULL_BYTES:
            return error
        cause = full_disk_error(place, what=f"{self._step.id} was made")
        return CommandError(f"{cause.brief}: {error.brief}", failure=error.failure, hint=cause.hint)

    def _unexpected(self, error: Exception) -> BuilderError:
        """A defect or a surprise of the operating system, as an error that names it; the log gets all of it."""
        trace = "".join(traceback.format_exception(error))
        with self._log.open("a", errors="backslashreplace") as log:
            log.write(trace)
        return BuilderError(
            f"{self._step.id} failed unexpectedly: {type(error).__name__}: {error}",
            details=[line.rstrip() for line in trace.splitlines()[-_TRACE_LINES:]],
        )

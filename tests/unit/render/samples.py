"""A clock that is told the time, a stream with an encoding, and a build that went wrong."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field

from builder.cli.render.base import Renderer, RenderOptions
from builder.cli.render.clock import Clock
from builder.core.events import (
    ArtifactWritten,
    BuildFinished,
    Event,
    PlanMade,
    StepFailed,
    StepFinished,
    StepProgress,
    StepSkipped,
    StepStarted,
    StepWaiting,
    Warned,
)
from builder.core.resources import GIB, MIB

EPOCH_S = 1_790_000_000.0
COMMAND = (
    "cd '/home/me/my checkout' && env -i CGO_ENABLED=0 GOARCH=arm64 GOCACHE=/home/me/.cache/builder/go/build GOOS=linux "
    "LC_ALL=C.UTF-8 PATH=/nowhere /home/me/.cache/builder/store/go/bin/go build -trimpath -ldflags '-s -w' ./cmd/kedge"
)


@dataclass(slots=True, kw_only=True)
class FakeTime:
    """Stands still until it is moved."""

    now_s: float = 1000.0

    def clock(self) -> Clock:
        return Clock(monotonic_s=lambda: self.now_s, epoch_s=lambda: EPOCH_S + self.now_s - 1000.0)

    def options(self, *, verbosity: int = 0, console_width: int | None = None, **environment: str) -> RenderOptions:
        return RenderOptions(
            environment=environment, clock=self.clock(), verbosity=verbosity, console_width=console_width
        )


def text_stream(encoding: str = "utf-8") -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")


def written(stream: io.TextIOWrapper) -> str:
    """Everything that was written; fails where a letter did not survive the stream's encoding."""
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode(stream.encoding)


def started(step: str, *, estimate_s: float | None = None, reason: str = "never made before") -> StepStarted:
    return StepStarted(step=step, reason=reason, estimate_s=estimate_s, log=f"/logs/{step}.log")


def finished(step: str, *, duration_s: float = 1.0, downloaded_bytes: int = 0, peak_bytes: int = 0) -> StepFinished:
    return StepFinished(
        step=step,
        cached=False,
        duration_s=duration_s,
        downloaded_bytes=downloaded_bytes,
        peak_memory_bytes=peak_bytes,
    )


def cached(step: str) -> StepFinished:
    return StepFinished(step=step, cached=True, duration_s=0.0, downloaded_bytes=0, peak_memory_bytes=0)


def download(step: str, done: int, total: int | None = None) -> StepProgress:
    return StepProgress(step=step, what="download", done=done, total=total, unit="bytes")


def modules(step: str, done: int) -> StepProgress:
    return StepProgress(step=step, what="modules", done=done, total=298, unit="modules")


def failed(step: str, **changes: object) -> StepFailed:
    fields: dict[str, object] = {
        "step": step,
        "brief": "go failed with exit status 1",
        "details": ("# example.org/kedge/cmd/kedge", "cmd/kedge/main.go:14:2: undefined: serve"),
        "hint": "fix the source, then run the same command again",
        "command": COMMAND,
        "log": "/home/me/.cache/builder/logs/edge_arm64_executable.log",
        "exit_status": 1,
    }
    return StepFailed(**(fields | changes))  # type: ignore[arg-type]  # each test changes what it looks at


@dataclass(slots=True)
class Story:
    """Events with the seconds that pass before each."""

    chapters: list[tuple[float, Event]] = field(default_factory=list)

    def play(self, renderer: Renderer, time: FakeTime) -> None:
        for pause_s, event in self.chapters:
            time.now_s += pause_s
            renderer(event)


def mixed_story() -> Story:
    """Every kind of event: downloads, waiting for another builder, a failure and what it takes along."""
    go = "toolchain/go"
    return Story(
        [
            (0.04, PlanMade(steps=57, cached=50, estimate_s=430.0, unknown=1)),
            *((0.0, cached(f"cached/{number}")) for number in range(50)),
            (0.01, started(go, estimate_s=20.0)),
            (10.0, download(go, 20 * MIB)),
            (25.0, download(go, 50 * MIB)),
            (5.0, download(go, 60 * MIB, 70 * MIB)),
            (4.0, finished(go, duration_s=44.0, downloaded_bytes=70 * MIB, peak_bytes=180 * MIB)),
            (0.0, started("edge/modules", reason="input changed: cluster/go.mod")),
            (31.0, modules("edge/modules", 120)),
            (0.1, download("edge/modules", 34 * MIB)),
            (33.0, finished("edge/modules", duration_s=64.1, downloaded_bytes=90 * MIB)),
            (0.0, StepWaiting(step="edge/armv7/executable", estimate_s=210.0)),
            (0.0, started("edge/arm64/executable", estimate_s=200.0, reason="depends on edge/modules, which changed")),
            (72.4, failed("edge/arm64/executable")),
            (0.0, StepSkipped(step="edge/arm64/manifest", because_of="edge/arm64/executable")),
            (0.0, Warned(message="the file system of the cache has 1.9 GiB left\nbuilder cache gc frees some")),
            (10.0, cached("edge/armv7/executable")),
            (0.1, finished("edge/armv7/manifest", duration_s=0.04, peak_bytes=3 * GIB)),
            *((0.0, artifact) for artifact in artifacts()),
            (0.2, BuildFinished(ok=False, duration_s=191.1, built=4, cached=51, failed=1, skipped=1)),
        ]
    )


def artifacts() -> Sequence[ArtifactWritten]:
    return (
        ArtifactWritten(
            path="out/edge/armv7/kedge", digest=f"sha256:{'0123456789ab' * 5}cdef", size_bytes=198 * MIB, changed=True
        ),
        ArtifactWritten(path="out/edge/armv7/SHA256SUMS", digest=f"sha256:{'f' * 64}", size_bytes=171, changed=False),
    )

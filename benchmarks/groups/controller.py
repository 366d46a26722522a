"""`kedge controller`: until it is ready, against a store and an API server started by hand; and what it takes while idle."""

import tempfile
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import Figure, Measurement, Report, Table, Unit, format_value
from benchmarks.setting import Setting
from benchmarks.smaps import Usage, usage_of
from benchmarks.stats import Series, interleave, tell
from builder.core.arch import host_arch
from builder.core.resources import KIB, MIB
from tests.integration.components.controlplane import running_control_plane
from tests.integration.components.health import OK, get, trusting_anyone
from tests.integration.components.process import wait_for
from tests.integration.controller.controller import Controller, Place, place, running_controller, started_controller

_ROUNDS = 5
_WARM_UP_S = 600
_IDLE_S = 600
_BY_HAND, _KEDGE = "kine and API server by hand", "kedge controller"
# Promised for amd64.
_ANONYMOUS_BYTES = 230 * MIB
_WRITTEN_BYTES_PER_S = 1 * KIB
# Where a device has its run directory: what is written there reaches no disk.
_MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of its own is made there


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """What each process took, and what reached the disk per second, while nobody asked for anything."""

    usages: Mapping[str, Usage]
    written_bytes_per_s: Mapping[str, float]


def measure(setting: Setting) -> Report:
    """Starts in turn, then one controller that is left alone for a while."""
    arch = host_arch()
    with setting.place() as root:
        checkout = setting.clone(root / "checkout", setting.project.cache)
        recipe = checkout.targets([arch])[0].step.id.partition("/")[0]
        checkout.make([arch])
        kedge = checkout.project.root / "out" / recipe / arch / "kedge"
        starts = _starts(kedge, root, setting.rounds or _ROUNDS)
        tell(f"idle: {_WARM_UP_S} s to warm up, {_IDLE_S} s measured")
        return report(starts, _idle(kedge, root))


def _starts(kedge: Path, root: Path, rounds: int) -> dict[str, Series]:
    numbers = iter(range(2 * rounds))

    def directory() -> Path:
        made = root / f"s{next(numbers)}"
        made.mkdir()
        return made

    def by_hand() -> float:
        return _until(running_control_plane(kedge, directory()))

    def controller() -> float:
        return _until_ready(kedge, directory())

    return interleave({_BY_HAND: by_hand, _KEDGE: controller}, rounds)


def _until(plane: AbstractContextManager[object]) -> float:
    began_s = time.monotonic()
    with plane:
        return time.monotonic() - began_s


def _until_ready(kedge: Path, directory: Path) -> float:
    where = place(kedge, directory)
    url = f"https://127.0.0.1:{where.api_port}/readyz"
    began_s = time.monotonic()
    with started_controller(where) as controller:
        wait_for(controller.daemon, lambda: get(url, trusting_anyone()).status == OK, what="ready")
        return time.monotonic() - began_s


def _idle(kedge: Path, root: Path) -> Idle:
    directory = root / "idle"
    directory.mkdir()
    where = place(kedge, directory)
    with tempfile.TemporaryDirectory(dir=_MEMORY) as run:
        where.run.symlink_to(run)
        return _left_alone(where)


def _left_alone(where: Place) -> Idle:
    with running_controller(where) as controller:
        time.sleep(_WARM_UP_S)
        before = _written(controller)
        time.sleep(_IDLE_S)
        after = _written(controller)
        usages = {name: usage_of(pid) for name, pid in processes(controller).items()}
    return Idle(usages=usages, written_bytes_per_s={name: (after[name] - before[name]) / _IDLE_S for name in after})


def processes(controller: Controller) -> dict[str, int]:
    """The process ids of kedge and its components, by name."""
    return {"kedge": controller.daemon.process.pid, **controller.pids()}


def _written(controller: Controller) -> dict[str, int]:
    return {name: _write_bytes(pid) for name, pid in processes(controller).items()}


def _write_bytes(pid: int) -> int:
    """What the process has caused to be written to a block device (proc_pid_io(5)); nothing of it for files in memory."""
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return next(int(line.removeprefix("write_bytes:")) for line in lines if line.startswith("write_bytes:"))


def report(starts: Mapping[str, Series], idle: Idle) -> Report:
    """`starts` has the seconds of both ways to start."""
    anonymous = Series.of(sum(usage.anonymous for usage in idle.usages.values()))
    written = Series.of(sum(idle.written_bytes_per_s.values()))
    rows = [
        (
            name,
            *(format_value(getattr(usage, each), Unit.BYTES) for each in ("anonymous", "rss", "pss")),
            f"{idle.written_bytes_per_s[name]:.0f}",
        )
        for name, usage in idle.usages.items()
    ]
    return Report(
        group="controller",
        figures=[
            Figure(
                name="ready, times by hand", limit=1.3, unit=Unit.TIMES, series=starts[_KEDGE].over(starts[_BY_HAND])
            ),
            Figure(name="anonymous memory, idle", limit=_ANONYMOUS_BYTES, unit=Unit.BYTES, series=anonymous),
            Figure(name="written per second, idle", limit=_WRITTEN_BYTES_PER_S, unit=Unit.BYTES, series=written),
        ],
        measurements=[
            Measurement(name=name, unit=Unit.SECONDS, series=series, against="" if name == _BY_HAND else _BY_HAND)
            for name, series in starts.items()
        ],
        tables=[
            Table(
                title="Idle controller",
                columns=("process", "anonymous", "Rss", "Pss", "bytes written per second"),
                rows=rows,
            )
        ],
        notes=[
            f"{host_arch()}, SQLite. Ready: /readyz answers, certificates made on the way in both cases.",
            f"Idle: after {_WARM_UP_S} s, over {_IDLE_S} s. Leases and events belong into memory and are not counted as written.",
        ],
    )

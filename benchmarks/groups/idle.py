"""A controller that nobody asks for anything: memory after ten minutes, and what becomes of it in the next hour."""

import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.procfs import cpu_s, written_bytes
from benchmarks.report import Figure, Report, Table, Unit, format_value
from benchmarks.setting import Setting
from benchmarks.smaps import Usage, usage_of
from benchmarks.stats import Series, tell
from builder.core.arch import host_arch
from builder.core.resources import KIB, MIB
from tests.integration.controller.controller import Controller, Place, place, running_controller

_HOUR_S = 3600
_SETTLED_S = 600
_WARM_UP_S = 1200
_EVERY_S = 60
# Promised for amd64.
_ANONYMOUS_BYTES = 230 * MIB
_WRITTEN_BYTES_PER_S = 1 * KIB
_GROWTH_BYTES_PER_HOUR = 1_000_000
# Where a device has its run directory: what is written there reaches no disk.
_MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of its own is made there
# A card of 8 GB whose cells bear 1000 erasures, at one flash page of 16 KiB for each synchronous write of 4 KiB.
_CARD_BYTES, _ERASURES, _AMPLIFICATION = 8e9, 1000, 4
_YEAR_S = 365 * 24 * _HOUR_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What every process has, and has done so far, `at_s` seconds after the controller was ready."""

    at_s: float
    usages: Mapping[str, Usage]
    written_bytes: Mapping[str, int]
    cpu_s: Mapping[str, float]

    @property
    def anonymous(self) -> int:
        """Bytes, of all processes together."""
        return sum(usage.anonymous for usage in self.usages.values())


def measure(setting: Setting) -> Report:
    """One controller on SQLite, looked at every minute."""
    with setting.place() as root:
        kedge = setting.built_kedge(root)
        directory = root / "c"
        directory.mkdir()
        where = place(kedge, directory)
        tell(f"{_WARM_UP_S} s to warm up, {_HOUR_S} s measured")
        with tempfile.TemporaryDirectory(dir=_MEMORY) as run:
            where.run.symlink_to(run)
            return report(_looks(where))


def _looks(where: Place) -> list[Look]:
    with running_controller(where) as controller:
        ready_s = time.monotonic()
        looks = [_look(controller, 0)]
        for at_s in range(_EVERY_S, _WARM_UP_S + _HOUR_S + 1, _EVERY_S):
            time.sleep(max(0, ready_s + at_s - time.monotonic()))
            looks.append(_look(controller, at_s))
        return looks


def _look(controller: Controller, at_s: float) -> Look:
    pids = processes(controller)
    return Look(
        at_s=at_s,
        usages={name: usage_of(pid) for name, pid in pids.items()},
        written_bytes={name: written_bytes(pid) for name, pid in pids.items()},
        cpu_s={name: cpu_s(pid) for name, pid in pids.items()},
    )


def processes(controller: Controller) -> dict[str, int]:
    """The process ids of kedge and its components, by name."""
    return {"kedge": controller.daemon.process.pid, **controller.pids()}


def report(looks: Sequence[Look]) -> Report:
    """What the looks, in their order and up to the end of the measured hour, say."""
    settled = next(look for look in looks if look.at_s >= _SETTLED_S)
    hour = [look for look in looks if look.at_s >= _WARM_UP_S]
    growth = {name: _per_hour(hour, name) for name in settled.usages}
    seconds = hour[-1].at_s - hour[0].at_s
    written = {name: (hour[-1].written_bytes[name] - hour[0].written_bytes[name]) / seconds for name in settled.usages}
    busy = {name: (hour[-1].cpu_s[name] - hour[0].cpu_s[name]) / seconds for name in settled.usages}
    return Report(
        group="idle",
        figures=[
            _figure("anonymous memory after ten minutes", _ANONYMOUS_BYTES, settled.anonymous),
            _figure("growth of anonymous memory in the hour", _GROWTH_BYTES_PER_HOUR, sum(growth.values())),
            _figure("written per second, over the hour", _WRITTEN_BYTES_PER_S, sum(written.values())),
        ],
        tables=[
            Table(
                title="Idle controller",
                columns=(
                    "process",
                    "anonymous",
                    "Rss",
                    "Pss",
                    "growth per hour",
                    "bytes written per second",
                    "of a core",
                ),
                rows=[
                    (
                        name,
                        *(format_value(getattr(usage, each), Unit.BYTES) for each in ("anonymous", "rss", "pss")),
                        f"{growth[name] / KIB:.0f} KiB",
                        f"{written[name]:.0f}",
                        f"{100 * busy[name]:.2f} %",
                    )
                    for name, usage in settled.usages.items()
                ],
            )
        ],
        notes=[
            f"{host_arch()}, SQLite, no node. Memory after {_SETTLED_S} s; the rest from {_WARM_UP_S} s on, for {seconds:.0f} s.",
            f"All processes together take {100 * sum(busy.values()):.2f} % of a core.",
            _life(sum(written.values())),
        ],
    )


def _per_hour(looks: Sequence[Look], name: str) -> float:
    """How much more anonymous memory the process has after an hour, in bytes: the slope of a line through all looks."""
    slope, _ = statistics.linear_regression(
        [look.at_s for look in looks], [look.usages[name].anonymous for look in looks]
    )
    return slope * _HOUR_S


def _figure(name: str, limit: float, value: float) -> Figure:
    return Figure(name=name, limit=limit, unit=Unit.BYTES, series=Series.of(value))


def _life(bytes_per_s: float) -> str:
    """How long a small card bears it."""
    worn_per_year = bytes_per_s * _AMPLIFICATION * _YEAR_S
    told = f"{bytes_per_s * _YEAR_S / 1e9:.1f} GB a year"
    if worn_per_year == 0:
        return told
    years = _CARD_BYTES * _ERASURES / worn_per_year
    return (
        f"{told}. A card of 8 GB that bears 1000 erasures takes 8000 GB; with four bytes written for each that was asked for, "
        f"that is {years:.0f} years of an idle controller."
    )

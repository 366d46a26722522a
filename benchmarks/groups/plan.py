"""A plan of 10,000 steps, as a fleet's recipes make them."""

import json
from collections.abc import Callable
from pathlib import Path

from benchmarks.fleet import DEVICES, Case, prepare
from benchmarks.process import run
from benchmarks.report import Figure, Measurement, Report, Unit
from benchmarks.setting import Setting
from benchmarks.stats import Series, interleave

_ROUNDS = 9
_LIMIT_S = 1.0


def measure(setting: Setting) -> Report:
    """Each plan in a fresh process, so that none profits from an earlier one's memory."""
    peaks: dict[Case, list[float]] = {case: [] for case in Case}
    with setting.place() as place:
        steps = prepare(place / "full")
        cases = {case.value: _case(setting, case, place, peaks[case]) for case in Case}
        series = interleave(cases, setting.rounds or _ROUNDS)
    return Report(
        group="plan",
        figures=[
            Figure(name=f"{steps} steps, {case}", limit=_LIMIT_S, unit=Unit.SECONDS, series=series[case])
            for case in Case
            if case is not Case.BARE
        ],
        measurements=[*_durations(series), *_memory(peaks)],
        notes=[
            f"{DEVICES} devices with 4 steps each that share 10 more.",
            "Making the steps and their keys, the index of the store and the reasons are included, Python's start is not.",
            f"'{Case.BARE}' only hashes ready-made tables of facts: what a plan costs at the very least.",
        ],
    )


def _case(setting: Setting, case: Case, place: Path, peaks: list[float]) -> Callable[[], float]:
    def once() -> float:
        # Where nothing is known there is a new store each time; the others are only read.
        store = place / (f"empty-{len(peaks)}" if case is Case.UNKNOWN else "full")
        argv = [setting.python, "-P", "-m", "benchmarks.fleet", case.value, str(store)]
        done = json.loads(run(argv, cwd=setting.project.root, env=setting.environment).output)
        peaks.append(done["peak_memory_bytes"])
        return float(done["duration_s"])

    return once


def _durations(series: dict[str, Series]) -> list[Measurement]:
    return [
        Measurement(
            name=case, unit=Unit.SECONDS, series=series[case], against="" if case is Case.BARE else Case.BARE.value
        )
        for case in Case
    ]


def _memory(peaks: dict[Case, list[float]]) -> list[Measurement]:
    return [
        Measurement(name=f"memory: {case}", unit=Unit.BYTES, series=Series(values=tuple(values)))
        for case, values in peaks.items()
    ]

"""What the Docker executor costs: the same change to the cluster's source, built in a container and without one."""

import json
import time
from collections.abc import Callable

from benchmarks.checkout import Checkout
from benchmarks.groups.incremental import line_of
from benchmarks.report import Figure, Measurement, Report, Unit
from benchmarks.setting import Setting
from benchmarks.stats import Series, interleave, tell
from builder.core.executor import Executor

_ROUNDS = 3
_LIMIT = 1.05
_NAMES = {Executor.LOCAL: "builderw make after a one-line change", Executor.DOCKER: "the same in a container"}
_ELSE = {Executor.LOCAL: "all but the steps, without a container", Executor.DOCKER: "all but the steps, in a container"}


def measure(setting: Setting) -> Report:
    """Both start with warm caches, and compile a change that nobody has compiled."""
    with setting.place() as place:
        checkout = setting.clone(place / "checkout", setting.project.cache)
        line = line_of(checkout.source, setting.edit)
        besides_s: dict[Executor, list[float]] = {one: [] for one in Executor}

        def build(executor: Executor) -> Callable[[], float]:
            def once() -> float:
                line.change(time.time_ns())
                duration_s, steps_s = _build(setting, checkout, executor)
                besides_s[executor].append(duration_s - steps_s)
                return duration_s

            return once

        tell("warming both ...")
        for executor in Executor:
            build(executor)()
            besides_s[executor].clear()
        found = interleave({_NAMES[one]: build(one) for one in Executor}, setting.rounds or _ROUNDS)
    local, docker = (found[_NAMES[one]] for one in Executor)
    others = {one: Series(values=tuple(besides_s[one])) for one in Executor}
    return Report(
        group="docker",
        figures=[Figure(name="container over none", limit=_LIMIT, unit=Unit.TIMES, series=docker.over(local))],
        measurements=[
            Measurement(name=_NAMES[Executor.LOCAL], unit=Unit.SECONDS, series=local),
            Measurement(name=_NAMES[Executor.DOCKER], unit=Unit.SECONDS, series=docker, against=_NAMES[Executor.LOCAL]),
            *(Measurement(name=_ELSE[one], unit=Unit.SECONDS, series=others[one]) for one in Executor),
        ],
        notes=[f"{setting.arch}; the change is a string in {setting.edit.path}. The daemon has the image already."],
    )


def _build(setting: Setting, checkout: Checkout, executor: Executor) -> tuple[float, float]:
    """Seconds that a build took, and that its steps took."""
    options = ("--arch", setting.arch, "--target", "executable", "--events", "json", "--executor", executor)
    done = checkout.builder("make", checkout.recipe, *options)
    events = [json.loads(line) for line in done.output.splitlines()]
    steps_s = sum(one["duration_s"] for one in events if one["event"] == "step-finished" and not one["cached"])
    return done.duration_s, steps_s

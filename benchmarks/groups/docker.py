"""What the Docker executor costs: the same change to the cluster's source, built in a container and without one."""

import time
from collections.abc import Callable

from benchmarks.checkout import Build, Checkout
from benchmarks.groups.incremental import Line, forget, line_of
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
    builds: dict[Executor, list[Build]] = {one: [] for one in Executor}
    with setting.place() as place:
        checkout = setting.clone(place / "checkout", setting.project.cache)
        line = line_of(checkout.source, setting.edit)

        def case(executor: Executor) -> Callable[[], float]:
            def once() -> float:
                builds[executor].append(_build(setting, checkout, line, executor))
                return builds[executor][-1].run.duration_s

            return once

        try:
            for executor in Executor:
                tell(f"warming: {executor} ...")
                case(executor)()
            found = interleave({_NAMES[one]: case(one) for one in Executor}, setting.rounds or _ROUNDS)
        finally:
            forget(checkout, [build for made in builds.values() for build in made])
    local, docker = (found[_NAMES[one]] for one in Executor)
    others = {one: Series(values=tuple(map(_besides_s, builds[one][1:]))) for one in Executor}
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


def _build(setting: Setting, checkout: Checkout, line: Line, executor: Executor) -> Build:
    line.change(time.time_ns())
    return checkout.make([setting.arch], ["--executor", executor])


def _besides_s(build: Build) -> float:
    """Seconds of a build in which none of its steps ran; they run one after the other."""
    return build.run.duration_s - sum(step.work_s + step.keep_s for step in build.steps())

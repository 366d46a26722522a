"""What every command costs before it does anything: Python's start, the shell wrapper, reading recipe, lock and store."""

from collections.abc import Callable

from benchmarks.checkout import Checkout
from benchmarks.process import run
from benchmarks.report import Figure, Measurement, Report, Unit
from benchmarks.setting import Setting
from benchmarks.stats import interleave

_ROUNDS = 15
_ALTERNATIVE = "python -c pass"
_HELP, _SHOW, _PLAN, _MAKE = "builderw --help", "builderw show", "builderw plan", "builderw make, nothing changed"
_TERMINAL = f"{_MAKE}, on a terminal"
# Seconds at most, as promised for three architectures.
_LIMITS_S = {_HELP: 0.2, _SHOW: 0.4, _PLAN: 0.4, _MAKE: 0.5, _TERMINAL: 0.5}


def measure(setting: Setting) -> Report:
    """Everyday commands in a clone whose results are all there, for all architectures of the recipe."""
    with setting.place() as place:
        checkout = setting.clone(place / "checkout", setting.project.cache)
        checkout.make()
        cases = {_ALTERNATIVE: _nothing(setting), **_commands(checkout)}
        series = interleave(cases, setting.rounds or _ROUNDS)
        architectures = ", ".join(target.arch for target in checkout.targets())
    return Report(
        group="start",
        figures=[
            Figure(name=name, limit=limit_s, unit=Unit.SECONDS, series=series[name])
            for name, limit_s in _LIMITS_S.items()
        ],
        measurements=[
            Measurement(
                name=name, unit=Unit.SECONDS, series=values, against="" if name == _ALTERNATIVE else _ALTERNATIVE
            )
            for name, values in series.items()
        ],
        notes=[f"Architectures: {architectures}. Wall time of the command, the shell wrapper included."],
    )


def _nothing(setting: Setting) -> Callable[[], float]:
    """The least that a Python program takes on this machine."""
    argv = [setting.python, "-c", "pass"]
    return lambda: run(argv, cwd=setting.project.root, env=setting.environment).duration_s


def _commands(checkout: Checkout) -> dict[str, Callable[[], float]]:
    recipe = checkout.recipe
    return {
        _HELP: lambda: checkout.builder("--help").duration_s,
        _SHOW: lambda: checkout.builder("show", recipe).duration_s,
        _PLAN: lambda: checkout.builder("plan", recipe).duration_s,
        _MAKE: lambda: checkout.builder("make", recipe).duration_s,
        _TERMINAL: lambda: checkout.builder("make", recipe, terminal=True).duration_s,
    }

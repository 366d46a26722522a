"""What steps declare to need of memory, what they used, and what the builder itself takes."""

from collections.abc import Callable, Mapping, Sequence

from benchmarks.checkout import Checkout, steps_of
from benchmarks.process import Run, run
from benchmarks.report import Figure, Measurement, Report, Table, Unit, format_value
from benchmarks.setting import Setting
from benchmarks.stats import Series, interleave
from builder.app.manifest import Manifest
from builder.core.arch import Arch
from builder.plan.compose import Target

_ROUNDS = 3
_ALTERNATIVE = "python -c pass"


def measure(setting: Setting) -> Report:
    """The peaks that manifests tell of, whenever the steps ran, and those of the builder's process now."""
    with setting.place() as place:
        checkout = setting.clone(place / "checkout", setting.project.cache)
        build = checkout.make()
        targets = checkout.targets()
        series = _own(setting, checkout)
    return Report(
        group="memory",
        figures=[above_declared(targets, build.manifests)],
        measurements=[
            Measurement(name=name, unit=Unit.BYTES, series=values, against="" if name == _ALTERNATIVE else _ALTERNATIVE)
            for name, values in series.items()
        ],
        tables=[peaks_table(targets, build.manifests)],
        notes=[
            "Peaks of steps: resident memory of all their processes together, sampled five times a second when they last ran.",
            "Peaks of the builder: the largest resident set of its own process.",
        ],
    )


def above_declared(targets: Sequence[Target], manifests: Mapping[Arch, Manifest]) -> Figure:
    """How many steps used more than they declare."""
    rows = _peaks(targets, manifests)
    above = sum(measured > declared for _, declared, measured in rows)
    return Figure(name="steps above their declared memory", limit=0, unit=Unit.COUNT, series=Series.of(above))


def peaks_table(targets: Sequence[Target], manifests: Mapping[Arch, Manifest]) -> Table:
    """Every step with what it declares and what it used."""
    rows = [
        (step, format_value(declared, Unit.BYTES), *_used(declared, measured))
        for step, declared, measured in _peaks(targets, manifests)
    ]
    return Table(title="Declared and measured memory", columns=("step", "declared", "measured", "share"), rows=rows)


def _used(declared: int, measured: int) -> tuple[str, str]:
    """Bytes and their share of what was declared; a step without a command, or made by an older builder, has no peak."""
    if not measured:
        return "not sampled", ""
    return format_value(measured, Unit.BYTES), f"{measured / declared:.0%}"


def _peaks(targets: Sequence[Target], manifests: Mapping[Arch, Manifest]) -> list[tuple[str, int, int]]:
    """Step, declared bytes, measured bytes."""
    times = {name: time for manifest in manifests.values() for name, time in manifest.times.items()}
    return [
        (name, step.resources.memory_bytes, times[name].peak_memory_bytes)
        for name, step in sorted(steps_of(targets).items())
        if name in times
    ]


def _own(setting: Setting, checkout: Checkout) -> dict[str, Series]:
    recipe, argv = checkout.recipe, [setting.python, "-c", "pass"]
    cases = {
        _ALTERNATIVE: lambda: run(argv, cwd=setting.project.root, env=setting.environment, watched=True),
        "builderw --help": lambda: checkout.builder("--help", watched=True),
        "builderw plan": lambda: checkout.builder("plan", recipe, watched=True),
        "builderw make, nothing changed": lambda: checkout.builder("make", recipe, watched=True),
    }
    return interleave({name: _peak(once) for name, once in cases.items()}, setting.rounds or _ROUNDS)


def _peak(once: Callable[[], Run]) -> Callable[[], float]:
    return lambda: once().own_memory_bytes

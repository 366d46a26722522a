"""What a component takes of memory inside kedge, where all others are linked too, against an executable of its own."""

import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.alone import build_alone
from benchmarks.bare import bare_go
from benchmarks.plane import COMPONENTS, running_plane
from benchmarks.report import Measurement, Report, Table, Unit, format_value
from benchmarks.setting import Setting
from benchmarks.smaps import Usage, usage_of
from benchmarks.stats import Series, tell
from builder.core.arch import host_arch

_ROUNDS = 3
_IDLE_S = 30
_KEDGE, _ALONE = "kedge", "alone"
_QUANTITIES = ("anonymous", "rss", "pss")
# Usages of every component, a list with one of each round.
Usages = Mapping[str, list[Usage]]


def measure(setting: Setting) -> Report:
    """Both kinds of plane in turn, each idle for a while before it is looked at."""
    arch = host_arch()
    with setting.place() as place:
        checkout = setting.clone(place / "checkout", setting.project.cache)
        target = checkout.targets([arch])[0]
        caches = checkout.project.caches
        checkout.make([arch])
        recipe = target.step.id.partition("/")[0]
        kedge = checkout.project.root / "out" / recipe / arch / "kedge"
        bare = bare_go(checkout, target, place / "bare", module_cache=caches.go_modules)
        tell("linking each component alone ...")
        launcher = build_alone(bare, COMPONENTS, place / "alone", caches.go_build)
        found: dict[str, dict[str, list[Usage]]] = {
            kind: {name: [] for name in COMPONENTS} for kind in (_KEDGE, _ALONE)
        }
        for number in range(setting.rounds or _ROUNDS):
            for kind, executable in ((_KEDGE, kedge), (_ALONE, launcher)):
                tell(f"round {number + 1}: {kind}")
                for name, usage in _look(executable, place / f"{kind}{number}").items():
                    found[kind][name].append(usage)
        sizes = {name: (place / "alone" / name).stat().st_size for name in COMPONENTS}
        return report(found[_KEDGE], found[_ALONE], kedge_bytes=kedge.stat().st_size, sizes=sizes)


def _look(executable: Path, directory: Path) -> dict[str, Usage]:
    """The memory of every component of a plane in `directory` that has had nothing to do for a while."""
    directory.mkdir()
    with running_plane(executable, directory) as processes:
        time.sleep(_IDLE_S)
        return {name: usage_of(pid) for name, pid in processes.items()}


def report(kedge: Usages, alone: Usages, *, kedge_bytes: int, sizes: Mapping[str, int]) -> Report:
    """`sizes` are those of the executables of single components, `kedge_bytes` that of kedge."""
    rows = []
    for name in COMPONENTS:
        cells = [cell for quantity in _QUANTITIES for cell in _compared(quantity, kedge[name], alone[name])]
        rows.append((name, format_value(sizes[name], Unit.BYTES), *cells))
    together = [cell for quantity in _QUANTITIES for cell in _summed(quantity, kedge, alone)]
    rows.append(("together", format_value(sum(sizes.values()), Unit.BYTES), *together))
    columns = ["component", "executable"]
    for word in ("anonymous", "Rss", "Pss"):
        columns += [f"{word}: in kedge", "alone", "ratio"]
    return Report(
        group="resident",
        figures=[],
        measurements=[
            Measurement(name=f"Pss of all together, {kind}", unit=Unit.BYTES, series=_sum("pss", usages), against=other)
            for kind, usages, other in (
                ("each alone", alone, ""),
                ("all in kedge", kedge, "Pss of all together, each alone"),
            )
        ],
        tables=[Table(title="Idle components", columns=columns, rows=rows)],
        notes=[
            f"{host_arch()}. Medians, {_IDLE_S} s after all were ready. kedge is {format_value(kedge_bytes, Unit.BYTES)} large.",
            "Alone: the same packages of the same modules, patched, with the same tags and variables, linked without the others.",
            "Anonymous memory is the process's own. Rss counts the pages of its file too: what it takes where nothing else runs.",
            "Pss divides pages by the number of processes that share them: its sum is what all take.",
        ],
    )


def _series(quantity: str, usages: list[Usage]) -> Series:
    return Series(values=tuple(float(getattr(usage, quantity)) for usage in usages))


def _sum(quantity: str, usages: Usages) -> Series:
    """The sum over all components, for each round."""
    columns = [_series(quantity, usages[name]).values for name in COMPONENTS]
    return Series(values=tuple(map(sum, zip(*columns, strict=True))))


def _compared(quantity: str, kedge: list[Usage], alone: list[Usage]) -> tuple[str, str, str]:
    return _cells(_series(quantity, kedge), _series(quantity, alone))


def _summed(quantity: str, kedge: Usages, alone: Usages) -> tuple[str, str, str]:
    return _cells(_sum(quantity, kedge), _sum(quantity, alone))


def _cells(ours: Series, theirs: Series) -> tuple[str, str, str]:
    ratio = f"{ours.over(theirs).median:.2f}"
    return format_value(ours.median, Unit.BYTES), format_value(theirs.median, Unit.BYTES), ratio

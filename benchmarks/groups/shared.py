"""A second machine that builds everything with what a first one gave to a shared cache."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.process import Run
from benchmarks.report import Figure, Measurement, Report, Table, Unit, format_value
from benchmarks.setting import Setting
from benchmarks.stats import Series, tell
from builder.app.manifest import Manifest
from builder.core.errors import BuilderError
from builder.io.files import remove_tree

_LIMIT = 0.1
_FIRST, _SECOND = "first machine, from nothing", "second machine, with the shared cache"


def measure(setting: Setting) -> Report:
    """Both begin with a fresh clone and an empty cache and make all artifacts of all architectures."""
    with setting.place() as place:
        shared = place / "shared"
        first, made = _machine(setting, place / "first", ["--cache-to", str(shared)])
        given_bytes = sum(path.stat().st_size for path in shared.rglob("*") if path.is_file())
        second, taken = _machine(setting, place / "second", ["--cache-from", str(shared)])
    if made != taken:
        differing = sorted({name for name, _ in made ^ taken})
        raise BuilderError("the second machine has other artifacts than the first", details=differing)
    series = {name: Series.of(run.duration_s) for name, run in ((_FIRST, first), (_SECOND, second))}
    ratio = Series.of(second.duration_s / first.duration_s)
    return Report(
        group="shared",
        figures=[Figure(name="second machine over the first", limit=_LIMIT, unit=Unit.TIMES, series=ratio)],
        measurements=[Measurement(name=name, unit=Unit.SECONDS, series=one) for name, one in series.items()],
        tables=[
            Table(
                title="What was shared",
                columns=("artifacts, the same on both", "size of the shared cache"),
                rows=[(f"{len(made)}", format_value(given_bytes, Unit.BYTES))],
            )
        ],
        notes=["`./builderw make` of all architectures: executables, disk images, bundles. The cache is a directory."],
    )


def _machine(setting: Setting, place: Path, options: Sequence[str]) -> tuple[Run, set[tuple[str, str]]]:
    """The whole command, and the digest of each artifact; nothing stays but what it gave to the shared cache."""
    tell(f"{place.name} ...")
    checkout = setting.clone(place / "checkout", place / "cache")
    run = checkout.builder("make", "--quiet", *options)
    tell(f"{run.duration_s:.1f} s")
    out = checkout.project.root / "out"
    found = {
        (f"{path.parent.relative_to(out)}/{one.path}", str(one.digest))
        for path in out.rglob("manifest.json")
        for one in Manifest.model_validate_json(path.read_bytes()).artifacts
    }
    remove_tree(place)
    return run, found

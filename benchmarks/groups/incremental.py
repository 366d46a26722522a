"""A one-line change in the cluster's source, beside the same change under a bare `go build`."""

import os
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.bare import BareRun, bare_go
from benchmarks.checkout import Build, Checkout, copy_path, executable_step
from benchmarks.groups.memory import above_declared, peaks_table
from benchmarks.report import Figure, Measurement, Report, Table, Unit, format_value
from benchmarks.setting import Edit, Setting
from benchmarks.stats import Series, tell
from builder.app.session import Session, Settings
from builder.core.digest import Digest
from builder.core.errors import RecipeError
from builder.plan.compose import Target
from builder.store.store import Store

_ROUNDS = 5
_LIMIT = 1.3
_BUILDER, _BARE = "builderw make after a one-line change", "bare go build after the same change"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line that can be changed again and again; `original` is the file's content before."""

    path: Path
    edit: Edit
    original: str

    def change(self, number: int) -> None:
        """Give the text a number that it never had, since going back would be a cache hit."""
        changed = self.original.replace(self.edit.text, f"{self.edit.text} {number}", 1)
        self.path.write_text(changed)

    def restore(self) -> None:
        """As it was."""
        self.path.write_text(self.original)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rounds:
    """What was measured; `check_s` and `snapshot_s` are parts of the builder's time, measured apart."""

    builds: Sequence[Build]
    bares: Sequence[BareRun]
    targets: Sequence[Target]
    check_s: float
    snapshot_s: float


def measure(setting: Setting) -> Report:
    """Both sides start with warm caches and compile the same change in turn."""
    with setting.place() as place:
        checkout = setting.clone(place / "checkout", setting.project.cache)
        rounds = _measure(setting, checkout, place)
    builds = Series(values=tuple(build.run.duration_s for build in rounds.builds))
    bares = Series(values=tuple(bare.duration_s for bare in rounds.bares))
    manifests = rounds.builds[-1].manifests
    own_bytes = max(build.run.own_memory_bytes for build in rounds.builds)
    return Report(
        group="incremental",
        figures=[
            Figure(name="builder over bare", limit=_LIMIT, unit=Unit.TIMES, series=builds.over(bares)),
            above_declared(rounds.targets, manifests),
        ],
        measurements=[
            Measurement(name=_BARE, unit=Unit.SECONDS, series=bares),
            Measurement(name=_BUILDER, unit=Unit.SECONDS, series=builds, against=_BARE),
        ],
        tables=[_breakdown(rounds), peaks_table(rounds.targets, manifests)],
        notes=[
            f"{setting.arch}; the change is a string in {setting.edit.path}.",
            "Bare has a build cache of its own, as warm as the builder's, and its modules unpacked.",
            f"The builder's own process took at most {format_value(own_bytes, Unit.BYTES)}.",
        ],
    )


def _measure(setting: Setting, checkout: Checkout, place: Path) -> _Rounds:
    tell("warming both caches ...")
    checkout.make([setting.arch])
    targets = checkout.targets([setting.arch])
    bare = bare_go(checkout, targets[0], place / "bare", module_cache=checkout.project.caches.go_modules)
    shutil.copytree(checkout.project.caches.go_build, bare.build_cache, copy_function=_share)
    ours = line_of(checkout.source, setting.edit)
    theirs = line_of(bare.source, setting.edit)
    first = time.time_ns()
    builds, bares = [], []
    try:
        for number in range(1 + (setting.rounds or _ROUNDS)):
            builds.append(_build(setting, checkout, ours, first + number))
            theirs.change(first + number)
            bares.append(bare.run())
            tell(f"builder {builds[-1].run.duration_s:.2f} s, bare {bares[-1].duration_s:.2f} s")
        check_s, snapshot_s = _check_s(checkout, targets[0]), _snapshot_s(targets[0], place / "snapshot")
    finally:
        ours.restore()
        forget(checkout, builds)
    # The first round of both fills what the change of the commit left cold.
    return _Rounds(builds=builds[1:], bares=bares[1:], targets=targets, check_s=check_s, snapshot_s=snapshot_s)


def _build(setting: Setting, checkout: Checkout, line: Line, number: int) -> Build:
    line.change(number)
    return checkout.make([setting.arch])


def line_of(source: Path, edit: Edit) -> Line:
    """The line of the cluster's `source` that `edit` means."""
    path = source / edit.path
    original = path.read_text()
    if edit.text not in original:
        raise RecipeError(f"{edit.path} has no {edit.text!r} to change", hint="choose another with --edit FILE TEXT")
    return Line(path=path, edit=edit, original=original)


def _share(source: str, target: str) -> None:
    """Copy a file of Go's build cache; what is named by its content (`-d`) is never changed and may be shared."""
    if source.endswith("-d"):
        with suppress(OSError):
            os.link(source, target)
            return
    # The cache is in use by others, who may remove what is old.
    with suppress(FileNotFoundError):
        shutil.copy2(source, target)


def _check_s(checkout: Checkout, target: Target) -> float:
    """Seconds for hashing every file of what the compile step reads out of the store."""
    with Session(checkout.project, Settings()) as session:
        began_s = time.perf_counter()
        for step in executable_step(target).needs.values():
            session.store.check(step.key, thorough=True)
        return time.perf_counter() - began_s


def _snapshot_s(target: Target, place: Path) -> float:
    """Seconds for copying the sources and hashing the copies, as the compile step does first."""
    began_s = time.perf_counter()
    for name, source in executable_step(target).sources.items():
        Digest.of_file(Path(shutil.copyfile(source.path, copy_path(place, name))))
    return time.perf_counter() - began_s


def forget(checkout: Checkout, builds: Sequence[Build]) -> None:
    """Remove the results of `builds` from the shared store: nobody will ask for them again."""
    store = Store(checkout.project.store)
    try:
        for build in builds:
            for manifest in build.manifests.values():
                store.discard(Digest(manifest.steps[-1].key))
    finally:
        store.close()


def _breakdown(rounds: _Rounds) -> Table:
    """Medians; the parts of the builder's time add up to the whole."""
    steps = [next(iter(build.steps())) for build in rounds.builds]
    planned_s = median(build.seconds_until("plan") for build in rounds.builds)
    finished_s = [step.waited_s + step.work_s + step.keep_s for step in steps]
    out_s = [
        build.seconds_until("build-finished") - step_s for build, step_s in zip(rounds.builds, finished_s, strict=True)
    ]
    end_s = median(build.run.duration_s - build.seconds_until("build-finished") for build in rounds.builds)
    parts = {
        "start, recipe, plan": planned_s - rounds.check_s,
        "reading every file of toolchain and modules again, to check them": rounds.check_s,
        "claiming the step": median(step.waited_s for step in steps) - planned_s,
        "snapshot of the sources": rounds.snapshot_s,
        "go build": median(step.work_s for step in steps) - rounds.snapshot_s,
        "sealing into the store: hashing, flushing to disk": median(step.keep_s for step in steps),
        "copying to out, manifest": median(out_s),
        "end": end_s,
        "(bare: until the first package is compiled)": median(bare.load_s for bare in rounds.bares),
        "(bare: compiling and linking)": median(bare.compile_s for bare in rounds.bares),
    }
    return Table(
        title="Where the builder's time goes",
        columns=("part", "median"),
        rows=[(part, format_value(value, Unit.SECONDS)) for part, value in parts.items()],
    )

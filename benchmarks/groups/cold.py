"""The first build on a fresh machine, beside a `go build` that also starts from nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bare import BareRun, bare_go
from benchmarks.checkout import Build, Checkout, executable_step
from benchmarks.groups.memory import above_declared, peaks_table
from benchmarks.report import Figure, Measurement, Report, Table, Unit, format_value
from benchmarks.setting import Setting
from benchmarks.stats import Series, tell
from builder.app.manifest import Manifest
from builder.core.arch import Arch
from builder.core.digest import Digest
from builder.io.files import remove_tree
from builder.plan.compose import Target

# A pair takes half an hour on two cores.
_ROUNDS = 1
_BUILDER, _BARE, _ALL = "builder, one architecture", "bare go build", "builder, all architectures"
_BUILDER_COMPILE, _BARE_COMPILE = "builder, the compile step alone", "bare go build, compiling alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """One build by the builder and one without it; `digest` is that of the bare executable."""

    build: Build
    compile_s: float
    bare: BareRun
    digest: Digest


def measure(setting: Setting) -> Report:
    """Each build with caches of its own, removed when it is measured, so that at most one set of them takes room."""
    with setting.place() as place:
        pairs = [_pair(setting, place / f"pair-{number}") for number in range(setting.rounds or _ROUNDS)]
        every, targets = _all_architectures(setting, place / "all")
    measurements = _measurements(pairs, every)
    series = {one.name: one.series for one in measurements}
    manifests: Mapping[Arch, Manifest] = {**every.manifests, **pairs[-1].build.manifests}
    return Report(
        group="cold",
        figures=[
            _ratio("everything: builder over bare", series[_BUILDER].over(series[_BARE]), 1.1),
            _ratio("compile step: builder over bare", series[_BUILDER_COMPILE].over(series[_BARE_COMPILE]), 1.1),
            _ratio("all architectures over one", Series.of(series[_ALL].median / series[_BUILDER].median), 2.6),
            above_declared(targets, manifests),
        ],
        measurements=measurements,
        tables=[
            _breakdown(f"{setting.arch}, from nothing", pairs[-1].build),
            _breakdown("All architectures, from nothing", every),
            peaks_table(targets, manifests),
        ],
        notes=[*_comparisons(setting.arch, pairs, every), *_own_memory(pairs, every)],
    )


def _pair(setting: Setting, place: Path) -> _Pair:
    tell(f"{_BUILDER} ...")
    checkout = setting.clone(place / "checkout", place / "cache")
    build = checkout.make([setting.arch])
    target = next(iter(checkout.targets([setting.arch])))
    compile_s = next(times.work_s + times.keep_s for times in build.steps() if times.step == executable_step(target).id)
    tell(f"{build.run.duration_s:.1f} s, of which the compile step {compile_s:.1f} s; {_BARE} ...")
    bare = bare_go(checkout, target, place / "bare").run()
    tell(f"{bare.duration_s:.1f} s, of which compiling {bare.compile_s:.1f} s")
    digest = Digest.of_file(bare.executable)
    remove_tree(place)
    return _Pair(build=build, compile_s=compile_s, bare=bare, digest=digest)


def _all_architectures(setting: Setting, place: Path) -> tuple[Build, Sequence[Target]]:
    tell(f"{_ALL} ...")
    checkout: Checkout = setting.clone(place / "checkout", place / "cache")
    build, targets = checkout.make(), checkout.targets()
    tell(f"{build.run.duration_s:.1f} s")
    remove_tree(place)
    return build, targets


def _measurements(pairs: Sequence[_Pair], every: Build) -> list[Measurement]:
    values = {
        _BARE: [pair.bare.duration_s for pair in pairs],
        _BUILDER: [pair.build.run.duration_s for pair in pairs],
        _BARE_COMPILE: [pair.bare.compile_s for pair in pairs],
        _BUILDER_COMPILE: [pair.compile_s for pair in pairs],
        _ALL: [every.run.duration_s],
    }
    alternatives = {_BUILDER: _BARE, _BUILDER_COMPILE: _BARE_COMPILE}
    return [
        Measurement(
            name=name, unit=Unit.SECONDS, series=Series(values=tuple(measured)), against=alternatives.get(name, "")
        )
        for name, measured in values.items()
    ]


def _ratio(name: str, series: Series, limit: float) -> Figure:
    return Figure(name=name, limit=limit, unit=Unit.TIMES, series=series)


def _breakdown(title: str, build: Build) -> Table:
    def seconds(value: float) -> str:
        return format_value(value, Unit.SECONDS)

    planned_s, done_s = build.seconds_until("plan"), build.seconds_until("build-finished")
    last_s = max((times.waited_s + times.work_s + times.keep_s for times in build.steps()), default=planned_s)
    rows = [("Python environment, start, plan", seconds(0), seconds(planned_s), "")]
    rows += [
        (times.step, seconds(times.waited_s), seconds(times.work_s), seconds(times.keep_s)) for times in build.steps()
    ]
    rows += [
        ("copying to out, manifests", seconds(last_s), seconds(done_s - last_s), ""),
        ("end", seconds(done_s), seconds(build.run.duration_s - done_s), ""),
    ]
    return Table(title=title, columns=("part", "began after", "work", "sealing into the store"), rows=rows)


def _comparisons(arch: Arch, pairs: Sequence[_Pair], every: Build) -> list[str]:
    builds = [*(pair.build for pair in pairs), every]
    digests = {tuple(sorted(build.digests(arch).items())) for build in builds}
    same = "identical" if len(digests) == 1 else "DIFFERENT"
    shown = ", ".join(sorted({digest[:19] for build in builds for digest in build.digests(arch).values()}))
    bare = {pair.digest for pair in pairs} <= set(every.digests(arch).values())
    return [
        f"{len(builds)} clean builds for {arch} in different directories: {same} ({shown}).",
        f"The bare executable is {'identical to' if bare else 'different from'} the builder's.",
        "Bare: the same Go release, sources and options, no GOGC, empty GOCACHE and GOMODCACHE.",
        "It downloads the modules that it needs, but no toolchain; 'compiling alone' begins with the first package.",
    ]


def _own_memory(pairs: Sequence[_Pair], every: Build) -> list[str]:
    peaks = [build.run.own_memory_bytes for build in (*(pair.build for pair in pairs), every)]
    return [f"The builder's own process took at most {format_value(max(peaks), Unit.BYTES)}."]

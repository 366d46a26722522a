"""Root file systems from cached packages, beside merely extracting the same packages, and beside mmdebstrap."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.checkout import Checkout
from benchmarks.process import Run, run
from benchmarks.report import Figure, Measurement, Report, Unit
from benchmarks.setting import Setting
from benchmarks.stats import Series, interleave, tell
from builder.app.make import targets_of
from builder.app.wanted import Wanted
from builder.core.arch import Arch
from builder.core.output import Output
from builder.core.resources import GIB
from builder.io.files import remove_tree
from builder.steps.kinds.tools import TOOLS_TREE
from builder.steps.step import Step, reached
from builder.toolchain.tree import ToolsTree

_ROUNDS = 3
_MORE = "htop"
_RECIPE = f"""\
extends: ../recipes/edge.yaml
name: more
rootfs:
  packages:
    more:
      packages: [{_MORE}]
"""
_MMDEBSTRAP = "rootfs.engine=mmdebstrap"
_ALL, _BY_MMDEBSTRAP, _ONE_MORE = "three architectures", "amd64 by mmdebstrap", f"armv7 with {_MORE} added"
# Decompress and extract, two packages at once; $1 is the directory to extract into, what follows are packages.
_EXTRACT = """\
into=$1; shift
printf '%s\\0' "$@" | xargs -0 -P 2 -n 1 sh -c 'DPKG_DEB --fsys-tarfile "$1" | TAR -C "$0" -xf - --no-same-owner' "$into"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """A clone, and the user's cache with all packages and tools, which `seed` copies from."""

    setting: Setting
    checkout: Checkout
    place: Path

    def made(self, recipe: str, archs: Sequence[Arch], cache: Path, *options: str) -> Run:
        """The whole command, from its start to its end, with this cache and an empty output directory."""
        out = self.place / "out"
        remove_tree(out)
        clone = self.checkout.project
        environment = {**clone.environment, "BUILDER_CACHE": str(cache)}
        named = [option for arch in archs for option in ("--arch", arch)]
        command = [
            "make",
            recipe,
            *named,
            "--target",
            Output.ROOTFS,
            "--offline",
            "--quiet",
            "--out",
            str(out),
            *options,
        ]
        return run([str(clone.root / "builderw"), *command], cwd=clone.root, env=environment, watched=True)

    def cold(self, archs: Sequence[Arch], *options: str) -> Run:
        """A build that has packages and tools, and nothing that was made of them."""
        cache = self.seed(archs, *options)
        try:
            return self.made("edge", archs, cache, *options)
        finally:
            remove_tree(cache)

    @property
    def more(self) -> Path:
        """A recipe with one package more."""
        return self.checkout.project.root / "more" / "more.yaml"

    def seed(self, archs: Sequence[Arch], *options: str, recipe: str = "edge") -> Path:
        """A new cache with the packages, the tools and the Python environment of the user's."""
        ours, cache = self.setting.project.cache, self.place / "cache"
        remove_tree(cache)
        cache.mkdir()
        for name in ("venv", "bytecode"):
            (cache / name).symlink_to(ours / name)
        overrides = [one for one in options if one != "--set"]
        workspace = self.checkout.project.open(recipe, overrides)
        targets = targets_of(workspace, Wanted(archs=archs, outputs=[Output.ROOTFS]))
        for step in {step.key: step for target in targets for step in reached(target.step)}.values():
            if step.kind.downloads or step.kind is TOOLS_TREE:
                entry = Path("store", "entries", step.key.hex[:2], step.key.hex)
                if not (cache / entry).exists():
                    shutil.copytree(ours / entry, cache / entry, symlinks=True)
        # What was copied here must not wait to be written while a build flushes its own results.
        os.sync()
        return cache

    def extracted(self, arch: Arch) -> float:
        """Seconds to decompress and extract the packages of a root file system, and no more."""
        into = self.place / "extracted"
        into.mkdir()
        (target,) = targets_of(self.checkout.workspace(), Wanted(archs=[arch], outputs=[Output.ROOTFS]))
        contents = [step for role, step in target.step.needs.items() if role.startswith("content.")]
        debs = [str(deb) for step in contents for deb in self._output(step.needs["package"]).iterdir()]
        try:
            done = run(
                ["/bin/sh", "-c", self._script(), "sh", str(into), *debs], cwd=self.place, env={"PATH": "/usr/bin:/bin"}
            )
        finally:
            remove_tree(into)
        return done.duration_s

    def _script(self) -> str:
        tree = ToolsTree(root=self._oracle(), arch=self.checkout.workspace().inputs.host)
        words = {
            name: " ".join(map(str, tree.command(tool).argv))
            for name, tool in (("DPKG_DEB", "dpkg-deb"), ("TAR", "tar"))
        }
        script = _EXTRACT
        for name, command in words.items():
            script = script.replace(name, command)
        return script

    def _oracle(self) -> Path:
        workspace = self.checkout.project.open("edge", (_MMDEBSTRAP,))
        (target,) = targets_of(workspace, Wanted(archs=[Arch.AMD64], outputs=[Output.ROOTFS]))
        return self._output(target.step.needs["bootstrapped"].needs["tools"])

    def _output(self, step: Step[Any]) -> Path:
        return self.setting.project.cache / "store" / "entries" / step.key.hex[:2] / step.key.hex / "output"


def measure(setting: Setting) -> Report:
    """Packages and tools come from the user's cache, where a first build brings what is missing of them."""
    rounds = setting.rounds or _ROUNDS
    with setting.place() as place:
        bench = _Bench(setting=setting, checkout=setting.clone(place / "checkout", setting.project.cache), place=place)
        _fill(bench)
        cases: dict[str, Callable[[], float]] = {}
        peaks: list[int] = []
        for arch in Arch:
            cases[_extracting(arch)] = partial(bench.extracted, arch)
            cases[_making(arch)] = partial(_cold, bench, [arch], peaks)
        cases[_ALL] = partial(_cold, bench, list(Arch), peaks)
        cases[_BY_MMDEBSTRAP] = lambda: bench.cold([Arch.AMD64], "--set", _MMDEBSTRAP).duration_s
        cases[_ONE_MORE] = partial(_one_more, bench)
        series = interleave(cases, rounds)
    return _report(series, peaks)


def _fill(bench: _Bench) -> None:
    tell("bringing what the cache lacks ...")
    builder = bench.checkout.builder
    builder("make", "edge", "--target", Output.ROOTFS, "--quiet")
    builder("make", "edge", "--arch", Arch.AMD64, "--target", Output.ROOTFS, "--quiet", "--set", _MMDEBSTRAP)
    more = bench.more
    more.parent.mkdir()
    more.write_text(_RECIPE)
    builder("lock", str(more), "--update", "--quiet")
    builder("make", str(more), "--arch", Arch.ARMV7, "--target", Output.ROOTFS, "--quiet")


def _cold(bench: _Bench, archs: Sequence[Arch], peaks: list[int]) -> float:
    done = bench.cold(archs)
    peaks.append(done.own_memory_bytes)
    return done.duration_s


def _one_more(bench: _Bench) -> float:
    """A package more than a root file system has that was made before."""
    cache = bench.seed([Arch.ARMV7], recipe=str(bench.more))
    try:
        bench.made("edge", [Arch.ARMV7], cache)
        return bench.made(str(bench.more), [Arch.ARMV7], cache).duration_s
    finally:
        remove_tree(cache)


def _report(series: Mapping[str, Series], peaks: Sequence[int]) -> Report:
    ones = Series.of(sum(series[_making(arch)].median for arch in Arch) / len(Arch))
    whole, more, by_mmdebstrap = series[_making(Arch.ARMV7)], series[_ONE_MORE], series[_BY_MMDEBSTRAP]
    ratios = [
        (f"{arch}: made over merely extracted", 1.5, series[_making(arch)].over(series[_extracting(arch)]))
        for arch in Arch
    ]
    ratios += [
        ("amd64: made over mmdebstrap", 1 / 3, series[_making(Arch.AMD64)].over(by_mmdebstrap)),
        ("three architectures over one (their mean)", 2.2, Series.of(series[_ALL].median / ones.median)),
        ("one package more over the whole", 0.6, more.over(whole)),
    ]
    figures = [Figure(name=name, limit=limit, unit=Unit.TIMES, series=one) for name, limit, one in ratios]
    peak = Series(values=tuple(map(float, peaks)))
    figures.append(Figure(name="peak memory of the builder", limit=1.5 * GIB, unit=Unit.BYTES, series=peak))
    against = {_making(arch): _extracting(arch) for arch in Arch}
    return Report(
        group="rootfs",
        figures=figures,
        measurements=[
            Measurement(name=name, unit=Unit.SECONDS, series=one, against=against.get(name, ""))
            for name, one in series.items()
        ],
        notes=[
            "Whole commands, `./builderw make --target rootfs --offline`: start, plan, unpacking, effects, store, output.",
            "The cache has the packages and the tools, and nothing made of them.",
            "Extracting is `dpkg-deb --fsys-tarfile | tar -x`, two packages at once, onto the same file system.",
        ],
    )


def _extracting(arch: Arch) -> str:
    return f"{arch}: merely extracting"


def _making(arch: Arch) -> str:
    return f"{arch}: making"

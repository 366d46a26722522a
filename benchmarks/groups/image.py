"""A disk image out of what the store has, beside compressing the same tree and nothing else."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.checkout import Checkout
from benchmarks.process import Run, run
from benchmarks.report import Figure, Measurement, Report, Unit
from benchmarks.setting import Setting, cores_of
from benchmarks.stats import Series, interleave, tell
from builder.app.make import targets_of
from builder.app.manifest import Manifest
from builder.app.wanted import Wanted
from builder.core.arch import Arch
from builder.core.errors import BuilderError
from builder.core.output import Output
from builder.core.resources import GIB
from builder.image.slot import SlotArchive, SlotFile
from builder.io.files import remove_tree
from builder.plan.compose import Target
from builder.steps.kinds.boot import INITRD_FILE
from builder.steps.kinds.image import SLOT_FILE
from builder.steps.step import Step, reached
from builder.toolchain.tree import ToolsTree

_ROUNDS = 3
_ARCH = Arch.ARMV7
_MADE, _ALONE, _CHANGED = "making an image", "mksquashfs and zstd alone", "an overlay changed"
# What a build makes of a root file system that is in the store.
_KINDS = ("boot-partition", "disk-image", "grub", "initrd", "slot")
_OVERLAY = "overlays/base/usr/lib/clock-epoch"
_MB = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """A clone, the user's cache with everything in it, and a directory to work in."""

    setting: Setting
    checkout: Checkout
    place: Path

    def made(self, cache: Path, *options: str) -> Run:
        """The whole command, with this cache and an empty output directory."""
        out = self.place / "out"
        remove_tree(out)
        clone = self.checkout.project
        command = ["make", "--arch", _ARCH, "--target", Output.IMAGE, "--offline", "--quiet", "--out", str(out)]
        environment = {**clone.environment, "BUILDER_CACHE": str(cache)}
        return run([str(clone.root / "builderw"), *command, *options], cwd=clone.root, env=environment, watched=True)

    def seed(self) -> Path:
        """A new cache with everything that an image is made of, and nothing of the image."""
        ours, cache = self.setting.project.cache, self.place / "cache"
        remove_tree(cache)
        cache.mkdir()
        for name in ("venv", "bytecode"):
            (cache / name).symlink_to(ours / name)
        steps = {step.key: step for step in reached(self.target().step)}.values()
        wanted = {need.key for one in steps if _is_made(one) for need in one.needs.values() if not _is_made(need)}
        for key in wanted:
            entry = Path("store", "entries", key.hex[:2], key.hex)
            shutil.copytree(ours / entry, cache / entry, symlinks=True)
        # What was copied here must not wait to be written while a build flushes its own results.
        os.sync()
        return cache

    def target(self) -> Target:
        """The image."""
        (target,) = targets_of(self.checkout.workspace(), Wanted(archs=[_ARCH], outputs=[Output.IMAGE]))
        return target

    def output(self, step: Step[Any]) -> Path:
        """The result of `step` in the user's cache."""
        return self.setting.project.cache / "store" / "entries" / step.key.hex[:2] / step.key.hex / "output"


def _is_made(step: Step[Any]) -> bool:
    return step.kind.name in _KINDS


def measure(setting: Setting) -> Report:
    """Root file system, kernel, kedge and tools come from the user's cache, where a first build brings what is missing."""
    with setting.place() as place:
        bench = _Bench(setting=setting, checkout=setting.clone(place / "checkout", setting.project.cache), place=place)
        tell("bringing what the cache lacks ...")
        bench.checkout.builder("make", "--arch", _ARCH, "--target", Output.IMAGE, "--quiet")
        slot = bench.target().step.needs["slot"]
        archive, bare = _archives(bench, slot)
        peaks: list[int] = []
        cases: dict[str, Callable[[], float]] = {
            _MADE: lambda: _made(bench, peaks),
            _ALONE: lambda: _alone(bench, slot, archive),
            _CHANGED: lambda: _changed(bench),
        }
        series = interleave(cases, setting.rounds or _ROUNDS)
        sizes = _sizes(bench, slot, bare)
    return _report(series[_MADE], series[_ALONE], series[_CHANGED], peaks, sizes)


def _archives(bench: _Bench, slot: Step[Any]) -> tuple[Path, Path]:
    """What the slot is made of, as one archive, and the same without kedge."""
    name = slot.input.name
    initrd = SlotFile(source=bench.output(slot.needs["initrd"]) / INITRD_FILE)
    kedge = SlotFile(source=bench.output(slot.needs["executable"]) / name, mode=0o755)
    rootfs = bench.output(slot.needs["rootfs"]) / "rootfs.tar"
    whole, bare = bench.place / "slot.tar", bench.place / "bare.tar"
    for target, files in (
        (bare, {"boot/initrd.img": initrd}),
        (whole, {"boot/initrd.img": initrd, f"usr/bin/{name}": kedge}),
    ):
        with target.open("xb") as stream:
            SlotArchive.of(rootfs, files, required=[], epoch_s=0).write(stream.fileno())
    return whole, bare


def _made(bench: _Bench, peaks: list[int]) -> float:
    cache = bench.seed()
    try:
        done = bench.made(cache)
    finally:
        remove_tree(cache)
    (manifest,) = (bench.place / "out").rglob("manifest.json")
    times = Manifest.model_validate_json(manifest.read_bytes()).times
    made = {step.id for step in reached(bench.target().step) if _is_made(step)}
    # The builder compresses by itself while the largest of its commands could run.
    peaks.append(done.own_memory_bytes + max(one.peak_memory_bytes for step, one in times.items() if step in made))
    return done.duration_s


def _alone(bench: _Bench, slot: Step[Any], archive: Path) -> float:
    target = bench.place / "alone.squashfs"
    target.unlink(missing_ok=True)
    cores = cores_of(slot.resources.cores)
    squashing = ("-comp", "gzip", "-Xcompression-level", "7", "-mem", "512M", "-quiet", "-no-progress")
    start_s = time.monotonic()
    _tool(bench, slot, "sqfstar", *squashing, "-processors", f"{cores}", str(target), stdin=archive)
    _tool(bench, slot, "zstd", "-3", f"-T{cores}", "-q", "-f", str(target), "-o", f"{target}.zst")
    return time.monotonic() - start_s


def _tool(bench: _Bench, slot: Step[Any], name: str, *arguments: str, stdin: Path | None = None) -> None:
    tree = ToolsTree(root=bench.output(slot.needs["tools"]), arch=bench.checkout.workspace().inputs.host)
    argv, env = tree.start(name)
    with (stdin or Path(os.devnull)).open("rb") as stream:
        done = subprocess.run([*argv, *arguments], env=dict(env), stdin=stream, capture_output=True, check=False)
    if done.returncode:
        raise BuilderError(f"{name} failed: {done.stderr.decode(errors='replace')}")


def _changed(bench: _Bench) -> float:
    """A build after one file of an overlay changed, with everything else in the user's cache."""
    path = bench.checkout.project.root / _OVERLAY
    path.write_text(f"{time.time_ns()}\n")
    return bench.made(bench.setting.project.cache).duration_s


def _sizes(bench: _Bench, slot: Step[Any], bare: Path) -> tuple[int, int]:
    """Bytes of the slot without kedge, and of the compressed image."""
    _alone(bench, slot, bare)
    (image,) = (bench.place / "out").rglob("*.img.zst")
    tell(f"slot with kedge: {(bench.output(slot) / SLOT_FILE).stat().st_size} bytes")
    return (bench.place / "alone.squashfs").stat().st_size, image.stat().st_size


def _report(made: Series, alone: Series, changed: Series, peaks: Sequence[int], sizes: tuple[int, int]) -> Report:
    slot_bytes, image_bytes = (Series.of(float(one)) for one in sizes)
    peak = Series(values=tuple(map(float, peaks)))
    return Report(
        group="image",
        figures=[
            Figure(name="made over mksquashfs and zstd alone", limit=1.3, unit=Unit.TIMES, series=made.over(alone)),
            Figure(
                name="peak memory of the builder and its largest command together",
                limit=2 * GIB,
                unit=Unit.BYTES,
                series=peak,
            ),
            Figure(name="slot without kedge", limit=130 * _MB, unit=Unit.BYTES, series=slot_bytes),
            Figure(name="compressed image with kedge", limit=220 * _MB, unit=Unit.BYTES, series=image_bytes),
        ],
        measurements=[
            Measurement(name=_MADE, unit=Unit.SECONDS, series=made, against=_ALONE),
            Measurement(name=_ALONE, unit=Unit.SECONDS, series=alone),
            Measurement(name=_CHANGED, unit=Unit.SECONDS, series=changed),
        ],
        notes=[
            "Whole commands, `./builderw make --arch armv7 --target image --offline`.",
            "The cache has root file system, kernel, kedge and tools.",
            "Alone is `sqfstar` of the same tree with the same options, and `zstd -3` of what it wrote.",
        ],
    )

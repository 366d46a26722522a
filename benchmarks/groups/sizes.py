"""What each variant of the executable weighs, for each architecture."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import zstandard

from benchmarks.checkout import Checkout
from benchmarks.report import Figure, Report, Table, Unit, format_value
from benchmarks.setting import Setting
from benchmarks.stats import Series, tell
from builder.core.arch import Arch
from builder.core.errors import BuilderError

_LEVEL = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A way to leave parts out: a recipe, and what is laid over it."""

    name: str
    recipe: str
    overrides: tuple[str, ...] = ()


_VARIANTS = (
    Variant(name="everything", recipe="edge"),
    Variant(name="without etcd", recipe="edge", overrides=("cluster.tags=[nri_no_wasm,without_etcd]",)),
    Variant(name="without kubectl", recipe="edge", overrides=("cluster.tags=[nri_no_wasm,without_kubectl]",)),
    Variant(name="worker", recipe="worker"),
    Variant(name="controller", recipe="controller"),
)
# Bytes that were promised, by variant and architecture: of the file, and of the file compressed.
_LIMITS: Mapping[tuple[str, Arch], int] = {("everything", Arch.ARMV7): 200_000_000, ("worker", Arch.ARMV7): 125_000_000}
_COMPRESSED_LIMITS: Mapping[tuple[str, Arch], int] = {("everything", Arch.ARMV7): 52_000_000}


def measure(setting: Setting) -> Report:
    """Make every variant for every architecture; what the cache has is not compiled again."""
    sizes: dict[tuple[str, Arch], int] = {}
    compressed: dict[tuple[str, Arch], int] = {}
    with setting.place() as place:
        checkout = setting.clone(place / "checkout", setting.project.cache)
        for variant in _VARIANTS:
            for arch in Arch:
                tell(f"{variant.name} for {arch} ...")
                executable = _make(checkout, variant, arch, place / "out")
                sizes[variant.name, arch] = executable.stat().st_size
                compressed[variant.name, arch] = _compressed_bytes(executable)
    return Report(
        group="sizes",
        figures=[*_figures("", _LIMITS, sizes), *_figures(", zstd -19", _COMPRESSED_LIMITS, compressed)],
        tables=[
            Table(
                title="Executables with their payload, in brackets compressed with zstd -19",
                columns=("variant", *Arch),
                rows=[
                    (variant.name, *(_cell(sizes[variant.name, arch], compressed[variant.name, arch]) for arch in Arch))
                    for variant in _VARIANTS
                ],
            )
        ],
        notes=["Variants are recipes (`recipes/worker.yaml`) or build tags (`cluster.tags`)."],
    )


def _make(checkout: Checkout, variant: Variant, arch: Arch, out: Path) -> Path:
    options = [option for override in variant.overrides for option in ("--set", override)]
    checkout.builder("make", variant.recipe, "--arch", arch, *options, "--out", str(out), "-q")
    executables = [path for path in (out / variant.recipe / arch).iterdir() if path.stat().st_mode & 0o100]
    if len(executables) != 1:
        raise BuilderError(f"{variant.name} for {arch}: one executable was expected, there are {len(executables)}")
    return executables[0]


def _compressed_bytes(file: Path) -> int:
    """The size of `zstd -19 FILE`; with several threads it is the same to less than one in a hundred."""
    compressor = zstandard.ZstdCompressor(level=_LEVEL, threads=-1)
    size_bytes = 0
    with file.open("rb") as stream:
        for chunk in compressor.read_to_iter(stream, size=file.stat().st_size):
            size_bytes += len(chunk)
    return size_bytes


def _figures(
    suffix: str, limits: Mapping[tuple[str, Arch], int], values: Mapping[tuple[str, Arch], int]
) -> list[Figure]:
    return [
        Figure(name=f"{name}, {arch}{suffix}", limit=limit, unit=Unit.BYTES, series=Series.of(values[name, arch]))
        for (name, arch), limit in limits.items()
    ]


def _cell(size_bytes: int, compressed_bytes: int) -> str:
    return f"{format_value(size_bytes, Unit.BYTES)} ({format_value(compressed_bytes, Unit.BYTES)})"

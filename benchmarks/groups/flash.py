"""What flashing a card takes, beside bmaptool and dd, on devices that are as slow as cards."""

import hashlib
import random
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import zstandard

from benchmarks.cards import slow_cards
from benchmarks.process import Run, run
from benchmarks.report import Figure, Measurement, Report, Unit
from benchmarks.setting import Setting
from benchmarks.stats import Series, interleave
from builder.core.resources import MIB
from builder.formats.blockmap import BLOCK_BYTES, MappedRange, block_map

_ROUNDS = 3
_CARDS = 4
_WRITE_BYTES_PER_S, _READ_BYTES_PER_S = 20 * MIB, 80 * MIB
# As the default recipe's image for amd64: what lies before the partitions, the boot partition's files, a slot, and what is in
# use of the data partition (in blocks).
_IMAGE_BYTES = 912 * MIB
_RANGES = ((0, 4095), (4096, 4788), (36864, 87069), (200704, 209464))
_MAPPED_BYTES = sum(last - first + 1 for first, last in _RANGES) * BLOCK_BYTES
_PLAIN, _VERIFIED, _FOUR = "flash, not read back", "flash", "flash, four devices"
_BMAPTOOL, _DD = "bmaptool copy", "zstd -dc | dd"
_MEMORY_BYTES = 64 * MIB


def measure(setting: Setting) -> Report:
    """The same image onto the same throttled loop devices by all of them in turn."""
    memory: list[int] = []
    with setting.place() as place:
        image = _write_image(place / "card.img")
        files = [place / f"card{number}" for number in range(_CARDS)]
        for file in files:
            file.touch()
            with file.open("r+b") as stream:
                stream.truncate(_IMAGE_BYTES)
        rates = {"write_bytes_per_s": _WRITE_BYTES_PER_S, "read_bytes_per_s": _READ_BYTES_PER_S}
        with slow_cards(setting, files, **rates) as devices:
            cards = dict(zip(devices, files, strict=True))
            series = interleave(_cases(setting, image, cards, memory), setting.rounds or _ROUNDS)
    return Report(
        group="flash",
        figures=_figures(series, memory),
        measurements=[Measurement(name=name, unit=Unit.SECONDS, series=one) for name, one in series.items()],
        notes=[
            f"Loop devices that take {_WRITE_BYTES_PER_S // MIB} MiB/s and give {_READ_BYTES_PER_S // MIB} MiB/s.",
            f"An image of {_IMAGE_BYTES // MIB} MiB, of which {_MAPPED_BYTES // MIB} are mapped, compressed with zstd.",
            "Nothing is discarded (`--unmapped keep`): the throttle would count it like writing. No real card was measured.",
        ],
    )


def _cases(setting: Setting, image: Path, cards: dict[Path, Path], memory: list[int]) -> dict[str, Callable[[], float]]:
    first, *_ = cards
    one = {first: cards[first]}

    def flash(devices: dict[Path, Path], *more: str) -> Run:
        argv = [setting.python, "-P", "-m", "builder", "flash", str(image), *map(str, devices), "--yes", "-q", *more]
        # The throttle counts what is discarded like what is written; bmaptool and dd discard nothing.
        argv += ["--unmapped", "keep"]
        for device, file in devices.items():
            argv += ["--serial", str(file), "--even-if", f"{device.name}:not-removable"]
        environment = {**setting.environment, "PYTHONPATH": str(setting.project.root)}
        return run(argv, cwd=setting.project.root, env=environment, watched=True)

    def verified() -> float:
        done = flash(one)
        memory.append(done.own_memory_bytes)
        return done.duration_s

    def command(*argv: str) -> float:
        return run(argv, cwd=image.parent, env=setting.environment).duration_s

    pipe = (
        f"zstd -dc {shlex.quote(str(image))} | dd of={first} bs=4M iflag=fullblock oflag=direct conv=fsync status=none"
    )
    cases: dict[str, Callable[[], float]] = {
        _PLAIN: lambda: flash(one, "--no-verify").duration_s,
        _VERIFIED: verified,
        _FOUR: lambda: flash(cards).duration_s,
        _DD: lambda: command("/bin/sh", "-ec", pipe),
    }
    if shutil.which("bmaptool", path=setting.environment.get("PATH")):
        block_map_file = f"{image.with_suffix('')}.bmap"
        cases[_BMAPTOOL] = lambda: command("bmaptool", "-q", "copy", "--bmap", block_map_file, str(image), str(first))
    return cases


def _figures(series: dict[str, Series], memory: list[int]) -> list[Figure]:
    figures = [
        Figure(name=f"{_PLAIN}, over {_DD}", limit=1 / 3, unit=Unit.TIMES, series=series[_PLAIN].over(series[_DD])),
        Figure(name=f"{_FOUR}, over one", limit=1.2, unit=Unit.TIMES, series=series[_FOUR].over(series[_VERIFIED])),
        Figure(name="memory of flash, one device", limit=_MEMORY_BYTES, unit=Unit.BYTES, series=Series.of(*memory)),
    ]
    if _BMAPTOOL in series:
        theirs = series[_BMAPTOOL]
        figures += [
            Figure(name=f"{_PLAIN}, over {_BMAPTOOL}", limit=1, unit=Unit.TIMES, series=series[_PLAIN].over(theirs)),
            Figure(
                name=f"{_VERIFIED}, over {_BMAPTOOL}", limit=1.5, unit=Unit.TIMES, series=series[_VERIFIED].over(theirs)
            ),
        ]
    return figures


def _write_image(path: Path) -> Path:
    """An image whose mapped blocks cannot be compressed, with its map; the compressed file."""
    noise = random.Random(1)  # noqa: S311 - content that is measured
    packed = path.with_name(f"{path.name}.zst")
    compressor = zstandard.ZstdCompressor(level=1)
    mapped, position = [], 0
    with packed.open("xb") as stream, compressor.stream_writer(stream, size=_IMAGE_BYTES) as writer:
        for first, last in _RANGES:
            start, end = first * BLOCK_BYTES, (last + 1) * BLOCK_BYTES
            writer.write(bytes(start - position))
            content, position = noise.randbytes(end - start), end
            writer.write(content)
            mapped.append(MappedRange(first=first, last=last, sha256=hashlib.sha256(content).hexdigest()))
        writer.write(bytes(_IMAGE_BYTES - position))
    path.with_name(f"{path.name}.bmap").write_text(block_map(_IMAGE_BYTES, mapped))
    return packed

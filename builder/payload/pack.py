"""Writes payloads: the same bytes wherever, and with however many cores."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import zstandard

from builder.core.arch import ARCH_FACTS, Arch
from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.formats.elf import ElfError, open_elf
from builder.io.files import copy_file
from builder.payload.index import DATA_MODE, EXECUTABLE_MODE, Index, PackedFile, PackedLink, footer

# Another version of the compressor may write other bytes.
COMPRESSOR = f"zstd {'.'.join(map(str, zstandard.ZSTD_VERSION))} -19"
FRAMES = "frames"
INDEX = "index.json"

_LEVEL = 19
# What a device needs as memory to decompress: 8 MiB, and not much more than the file where that is smaller.
_WINDOW_LOG = range(10, 24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """What becomes a payload: the files and links in the directory `tree`, for `arch`; `versions` by component's name."""

    tree: Path
    arch: Arch
    versions: Mapping[str, str]

    def run(self, output: Path, *, cores: int) -> None:
        """Write the frames and their index, offsets counted from the first frame, into the directory `output`.

        With `cores` threads: at level 19 a frame takes about a second for 2 MB.
        """
        files = {str(path.relative_to(self.tree)): path for path in self.tree.rglob("*") if not path.is_dir()}
        digests = {name: Digest.of_file(path) for name, path in sorted(files.items()) if not path.is_symlink()}
        # Equal contents share a frame: the first name's.
        distinct = {digest: files[name] for name, digest in reversed(digests.items())}
        wanted = [distinct[digest] for digest in dict.fromkeys(digests.values())]
        with ThreadPoolExecutor(max_workers=cores) as pool:
            frames = dict(zip(dict.fromkeys(digests.values()), pool.map(_compressed, wanted), strict=True))
        ends = accumulate((len(frame) for frame in frames.values()), initial=0)
        starts = dict(zip(frames, ends, strict=False))
        packed = {
            name: PackedFile(
                path=name,
                mode=EXECUTABLE_MODE if files[name].stat().st_mode & 0o100 else DATA_MODE,
                size=files[name].stat().st_size,
                sha256=digest.hex,
                frame_sha256=Digest.of_bytes(frames[digest]).hex,
                offset=starts[digest],
                length=len(frames[digest]),
            )
            for name, digest in digests.items()
        }
        links = {
            name: PackedLink(path=name, link=self._link(path)) for name, path in files.items() if name not in packed
        }
        everything: dict[str, PackedFile | PackedLink] = {**packed, **links}
        index = Index(
            arch=self.arch,
            files=tuple(one for _, one in sorted(everything.items())),
            versions=dict(self.versions),
        )
        (output / FRAMES).write_bytes(b"".join(frames.values()))
        (output / INDEX).write_bytes(index.to_bytes())

    def _link(self, path: Path) -> str:
        target = path.readlink()
        if target.is_absolute() or not path.resolve().is_relative_to(self.tree.resolve()) or not path.exists():
            raise BuilderError(f"{path.relative_to(self.tree)} in the payload leads nowhere in it: {target}")
        return str(target)


def assemble(executable: Path, payload: Path, target: Path) -> None:
    """Write `executable` and the payload that `Packing` left in the directory `payload` to `target`.

    Raises:
        BuilderError: the executable is damaged, for another architecture, or has something appended already.
    """
    index = Index.model_validate_json((payload / INDEX).read_bytes())
    _require_plain(executable, index.arch)
    copy_file(executable, target, mode=0o755)
    frames = (payload / FRAMES).read_bytes()
    start = target.stat().st_size
    data = index.moved(start).to_bytes()
    with target.open("ab") as stream:
        for part in (frames, data, footer(data, offset=start + len(frames))):
            stream.write(part)


def _require_plain(executable: Path, arch: Arch) -> None:
    """Frames have to begin where the ELF structure ends: that is how a reader knows what was cut."""
    try:
        with open_elf(executable) as elf:
            damage, machine, appended = elf.damage, elf.machine, elf.size_bytes - elf.end
    except ElfError as error:
        raise BuilderError(f"{executable} is no executable that could carry a payload: {error}") from error
    if damage:
        raise BuilderError(f"{executable} is damaged", details=damage)
    if machine != ARCH_FACTS[arch].elf_machine:
        raise BuilderError(f"{executable} is not for {arch}, its payload is", details=[f"ELF machine {machine}"])
    if appended:
        raise BuilderError(f"{executable} has {appended} bytes appended already", hint="build it again")


def _compressed(path: Path) -> bytes:
    data = path.read_bytes()
    window_log = min(max(len(data).bit_length(), _WINDOW_LOG[0]), _WINDOW_LOG[-1])
    parameters = zstandard.ZstdCompressionParameters.from_level(
        _LEVEL, window_log=window_log, write_checksum=True, write_content_size=True
    )
    return zstandard.ZstdCompressor(compression_params=parameters).compress(data)

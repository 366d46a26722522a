"""The initial file system: a shell, the modules that lead to the disk, and a script that mounts what the system starts from."""

import gzip
import lzma
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import zstandard

from builder.core.errors import BuilderError
from builder.formats.cpio import character_device, cpio_bytes, directory, file
from builder.image.modules import ModuleIndex, module_name

_DIRECTORIES = ("bin", "dev", "modules", "proc", "root", "run", "sys")
# An eighth larger than at the highest level, in a twentieth of the time, while the slot waits for it.
_LEVEL = 9
_SUPPORT = "CONFIG_RD_ZSTD=y"
_DECOMPRESS: Mapping[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress,
    ".xz": lzma.decompress,
    ".zst": lambda data: zstandard.ZstdDecompressor().decompress(data),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelFiles:
    """What an initrd takes of a kernel: its release (`uname -r`), its configuration, and the indexes of its modules by name.

    `read` gives the content of a module by its path in the index.
    """

    release: str
    config: str
    indexes: Mapping[str, str]
    read: Callable[[str], bytes]


def make_initrd(kernel: KernelFiles, wanted: Mapping[str, str], *, busybox: bytes, init: bytes) -> bytes:
    """The compressed archive; `wanted` are modules with where each is asked for. `BuilderError` where the kernel lacks one."""
    if _SUPPORT not in kernel.config.splitlines():
        raise BuilderError(
            f"the kernel {kernel.release} does not read an initrd that zstd compressed",
            details=[f"its configuration lacks {_SUPPORT}"],
            hint="take a kernel that does; Debian's do since version 5.9",
        )
    paths = ModuleIndex.read(kernel.indexes).order(wanted)
    # In memory beside the kernel that unpacks it, so every module counts.
    modules = {module_name(path): _plain(path, kernel.read(path)) for path in paths}
    archive = cpio_bytes(
        [
            *map(directory, _DIRECTORIES),
            # Where messages go before there is a file system with devices.
            character_device("dev/console", 5, 1),
            file("bin/busybox", busybox, 0o755),
            file("init", init, 0o755),
            file("modules/order", _lines(list(modules))),
            *(file(f"modules/{name}.ko", data) for name, data in modules.items()),
        ]
    )
    return zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(archive)


def _lines(names: Sequence[str]) -> bytes:
    return "".join(f"{name}\n" for name in names).encode()


def _plain(path: str, data: bytes) -> bytes:
    """A module as `insmod` takes it: compressed ones differ in what they ask of the kernel."""
    suffix = next((one for one in _DECOMPRESS if path.endswith(one)), "")
    return _DECOMPRESS[suffix](data) if suffix else data

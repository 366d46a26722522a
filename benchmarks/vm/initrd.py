"""An initial file system for Linux: modules in the order in which they load, and a newc archive (cpio(5)) of all."""

import gzip
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.core.errors import BuilderError

_MODULE = 0o100644
_PROGRAM = 0o100755
_DIRECTORY = 0o40755
_CONSOLE = 0o20600
# Character device 5, 1 (Documentation/admin-guide/devices.txt): without it the first process has no output.
_CONSOLE_DEVICE = (5, 1)
_DEPENDS = b"\0depends="
_END = "TRAILER!!!"


def load_order(directory: Path, wanted: Iterable[str]) -> list[Path]:
    """The files below `directory` of the modules `wanted` (names with `_`) and of all they depend on, those first.

    What is not there as a file is taken to be part of the kernel, but none of `wanted` may be missing by mistake:
    `modules.builtin` has to name it.
    """
    files = {_name(path): path for path in directory.rglob("*.ko")}
    built_in = {_name(Path(line)) for line in (directory / "modules.builtin").read_text().splitlines()}
    order: dict[str, Path] = {}

    def add(name: str) -> None:
        if name in order or name in built_in:
            return
        if name not in files:
            raise BuilderError(f"the kernel in {directory} has no module {name}")
        for dependency in _dependencies(files[name]):
            add(dependency)
        order[name] = files[name]

    for name in wanted:
        add(name)
    return list(order.values())


def _name(path: Path) -> str:
    return path.name.removesuffix(".ko").replace("-", "_")


def _dependencies(module: Path) -> list[str]:
    """What the module's `.modinfo` says: `depends=a,b`."""
    _, found, rest = module.read_bytes().partition(_DEPENDS)
    if not found:
        raise BuilderError(f"{module} does not say which modules it depends on")
    names = rest.partition(b"\0")[0].decode()
    return [name.replace("-", "_") for name in names.split(",") if name]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    name: str
    mode: int
    content: bytes = b""
    device: tuple[int, int] = (0, 0)


def write_initrd(target: Path, programs: Mapping[str, Path], modules: Sequence[Path]) -> None:
    """Write an initrd with `programs` by their paths in it, `modules` in /modules, and /order, which names them in order."""
    entries = [_Entry(name=name, mode=_DIRECTORY) for name in ("bin", "dev", "modules")]
    entries.append(_Entry(name="dev/console", mode=_CONSOLE, device=_CONSOLE_DEVICE))
    entries += [_Entry(name=name, mode=_PROGRAM, content=path.read_bytes()) for name, path in programs.items()]
    entries += [_Entry(name=f"modules/{path.name}", mode=_MODULE, content=path.read_bytes()) for path in modules]
    order = "".join(f"{path.name}\n" for path in modules)
    entries.append(_Entry(name="order", mode=_MODULE, content=order.encode()))
    target.write_bytes(gzip.compress(newc(entries), compresslevel=1, mtime=0))


def newc(entries: Iterable[_Entry]) -> bytes:
    """The archive of `entries`, all of them root's."""
    parts: list[bytes] = []
    for number, entry in enumerate([*entries, _Entry(name=_END, mode=0)], 1):
        # inode, mode, uid, gid, links, time, size, device of the file system (2), device (2), length of the name, checksum
        fields = (number, entry.mode, 0, 0, 1, 0, len(entry.content), 0, 0, *entry.device, len(entry.name) + 1, 0)
        header = "070701" + "".join(f"{field:08X}" for field in fields) + entry.name + "\0"
        parts += [_padded(header.encode()), _padded(entry.content)]
    return b"".join(parts)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)

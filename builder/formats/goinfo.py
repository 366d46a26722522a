"""What the Go linker writes about an executable into itself: toolchain, modules with their sums, settings.

The format is that of Go 1.18 and later (Go's debug/buildinfo and runtime/debug): a header of 32 bytes, then two texts, each
after its length as a varint; the second has sentinels of 16 bytes around it.
"""

import ast
from dataclasses import dataclass, field, replace
from pathlib import Path

from builder.formats.elf import ElfError, ElfFile, open_elf

SECTION = ".go.buildinfo"
_MAGIC = b"\xff Go buildinf:"
_HEADER_BYTES = 32
_FLAGS_OFFSET = 15
_INLINE = 2
_SENTINEL_BYTES = 16
# kedge's is 26 kB.
_MOST_BYTES = 16 << 20
_LONGEST_VARINT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class GoModule:
    """A module in an executable. `h1` is empty for the main module and for what comes from a directory."""

    path: str
    version: str
    h1: str
    replacement: "GoModule | None" = None

    def __str__(self) -> str:
        return f"{self.path}@{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoInfo:
    """`go_version` is such as `go1.26.8`, `package` the path of the main package, `settings` such as GOARCH or -tags."""

    go_version: str
    package: str = ""
    main: GoModule | None = None
    dependencies: tuple[GoModule, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)


def read_go_info(path: Path) -> GoInfo | None:
    """The information in the executable at `path`, None where the Go linker did not make it; `ElfError` on damage."""
    with open_elf(path) as elf:
        return go_info(elf)


def go_info(elf: ElfFile) -> GoInfo | None:
    """As `read_go_info`, of a file that is open."""
    section = elf.section(SECTION)
    if section is None:
        return None
    if section.size_bytes > _MOST_BYTES:
        raise ElfError(f"{SECTION}: {section.size_bytes} bytes")
    data = elf.read(section.start, section.size_bytes, SECTION)
    if not data.startswith(_MAGIC) or len(data) < _HEADER_BYTES:
        raise ElfError(f"{SECTION}: it does not begin as Go's build information does")
    if not data[_FLAGS_OFFSET] & _INLINE:
        raise ElfError(f"{SECTION}: a format from before Go 1.18")
    version, position = _text(data, _HEADER_BYTES)
    modules, _ = _text(data, position)
    return _parse(version.decode(errors="replace"), modules[_SENTINEL_BYTES:-_SENTINEL_BYTES])


def _text(data: bytes, position: int) -> tuple[bytes, int]:
    """A text after its length, and where it ends."""
    size_bytes = shift = 0
    for byte in data[position : position + _LONGEST_VARINT]:
        position += 1
        size_bytes |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            break
    end = position + size_bytes
    if end > len(data):
        raise ElfError(f"{SECTION}: a text of {size_bytes} bytes at byte {position}, but the section has {len(data)}")
    return data[position:end], end


def _parse(version: str, text: bytes) -> GoInfo:
    info = GoInfo(go_version=version)
    dependencies: list[GoModule] = []
    for number, line in enumerate(text.decode(errors="replace").split("\n"), start=1):
        match line.split("\t"):
            case [""]:
                continue
            case ["path", package]:
                info = replace(info, package=package)
            case ["mod", *words]:
                info = replace(info, main=_module(words, number))
            case ["dep", *words]:
                dependencies.append(_module(words, number))
            case ["=>", *words] if dependencies:
                dependencies[-1] = replace(dependencies[-1], replacement=_module(words, number))
            case ["=>", *words] if info.main:  # the main package is one of a dependency
                info = replace(info, main=replace(info.main, replacement=_module(words, number)))
            case ["build", setting]:
                info.settings.update([_setting(setting, number)])
            case _:
                raise ElfError(f"{SECTION}: line {number} is not understood: {line[:80]!r}")
    return replace(info, dependencies=tuple(dependencies))


def _module(words: list[str], number: int) -> GoModule:
    match words:
        case [path, version]:
            return GoModule(path=path, version=version, h1="")
        case [path, version, h1]:
            return GoModule(path=path, version=version, h1=h1)
    raise ElfError(f"{SECTION}: line {number} is no module")


def _setting(text: str, number: int) -> tuple[str, str]:
    """Name and value of a setting, either of which Go quotes where it has spaces or quotes in it."""
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise ElfError(f"{SECTION}: line {number} is no setting: {text[:80]!r}")
    return name, _unquoted(value)


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    try:
        # Go's escapes are a part of Python's.
        return str(ast.literal_eval(text))
    except (SyntaxError, ValueError) as error:
        raise ElfError(f"{SECTION}: {text[:80]!r} is not quoted as Go does") from error

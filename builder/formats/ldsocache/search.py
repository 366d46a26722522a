"""Which libraries ldconfig(8) finds in a root file system, read without running anything of it."""

import fnmatch
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from builder.core.arch import ARCH_FACTS, Arch
from builder.core.errors import BuilderError
from builder.formats.elf import ByteSource, ElfError, ElfFile, FileType, SegmentType, read_dynamic, read_elf
from builder.formats.ldsocache.layout import Entry, cache_bytes, compare_names

_CONFIGURATION = "etc/ld.so.conf"
_LDCONFIG = "sbin/ldconfig"
_GENERATOR = re.compile(rb"ldconfig \([^)\0]+\) [a-z]+ release version ([0-9]+)\.([0-9]+)[^\0]*")
_HWCAPS = "glibc-hwcaps"
# What ldconfig does not read: names that programs give libraries while they replace them (prelink; later also rpm, dpkg).
_PASSED_OVER_BEFORE = re.compile(r"\.#prelink#(\.......)?$")
_PASSED_OVER = re.compile(r"\.#prelink#(\.......)?$|;|\.dpkg-(new|tmp)$")
# Debian 12 has a version below, Debian 13 one above. Before, directories named after features of processors were searched too.
_MODERN = (2, 37)
_LEGACY = frozenset({"haswell", "neon", "tls", "vfp", "vfpv3", "vfpv4", "xeon_phi"})
# glibc's ldconfig.h. On x86 by e_machine and whether the file is of 64 bits; on ARM nobody looks at e_machine.
_ELF_LIBC6 = 0x0003
_X86 = {(62, True): 0x0300, (62, False): 0x0800, (3, False): 0}
_AARCH64, _ARM_HARD, _ARM_SOFT = 0x0A00, 0x0900, 0x0B00
_FLOAT_HARD, _FLOAT_SOFT = 0x0400, 0x0200


class Files(Protocol):
    """The root file system; paths may begin with a slash. `rootfs.tree.Tree` is one."""

    def resolve(self, path: str, *, follow: bool = False) -> str:
        """The path that `path` leads to, links of its parents (and itself with `follow`) resolved; it need not exist."""

    def exists(self, path: str) -> bool:
        """Whether `path` leads to something."""

    def is_directory(self, path: str) -> bool:
        """Whether `path` leads to a directory."""

    def children(self, path: str) -> Sequence[str]:
        """The names in the directory that `path` leads to."""

    def content(self, path: str) -> ByteSource:
        """The content of the file that `path` leads to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoaderCache:
    """What ldconfig would do: the bytes of `etc/ld.so.cache`, the links it would make (path to target), those it would remove."""

    data: bytes
    links: dict[str, str]
    stale: tuple[str, ...]


def make_loader_cache(files: Files, arch: Arch) -> LoaderCache:
    """What the ldconfig that `files` hold would do there; `BuilderError` where they hold none, or what is not known here."""
    generator, version = _ldconfig(files)
    search = _Search(files=files, x86=arch is Arch.AMD64, modern=version >= _MODERN)
    triplet = ARCH_FACTS[arch].triplet
    built_in = (f"/lib/{triplet}", f"/usr/lib/{triplet}", "/lib", "/usr/lib")
    for directory in [*_configured(files, _CONFIGURATION), *built_in]:
        search.add(directory)
    if not search.modern:
        search.require_no_legacy()
    return LoaderCache(
        data=cache_bytes(list(search.entries()), generator), links=search.links, stale=tuple(search.stale)
    )


def _ldconfig(files: Files) -> tuple[str, tuple[int, int]]:
    """What the ldconfig of the root file system calls itself, and its version."""
    if not files.exists(_LDCONFIG):
        raise BuilderError(
            "the root file system has no ldconfig, so it cannot be told what its loader expects",
            hint="the package libc-bin brings it",
        )
    found = _GENERATOR.search(files.content(_LDCONFIG).read())
    if found is None:
        raise BuilderError(f"{_LDCONFIG} of the root file system does not tell its version")
    return found[0].decode(), (int(found[1]), int(found[2]))


def _configured(files: Files, path: str) -> Iterator[str]:
    """The directories that the configuration file at `path` and those that it includes name, in their order."""
    if not files.exists(path) or files.is_directory(path):
        return
    for written in files.content(path).read().decode(errors="surrogateescape").splitlines():
        line = written.partition("#")[0].strip()
        word, _, rest = line.partition(" ")
        if word == "include":
            for pattern in rest.split():
                for one in _matching(files, posixpath.join("/", posixpath.dirname(path), pattern)):
                    yield from _configured(files, one)
        elif line and word != "hwcap":
            yield line.rstrip("/") or "/"


def _matching(files: Files, pattern: str) -> Iterator[str]:
    directory, name = posixpath.split(pattern)
    if files.is_directory(directory):
        for one in sorted(files.children(directory)):
            if fnmatch.fnmatchcase(one, name) and (name.startswith(".") or not one.startswith(".")):
                yield f"{directory}/{one}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A file of a directory that is a library, and how it takes part in the search for the newest of one name."""

    file: str
    is_link: bool
    flags: int


@dataclass(slots=True, kw_only=True)
class _Search:
    """The directories that are searched, each once, in their order, with the name of their subdirectory of glibc-hwcaps."""

    files: Files
    x86: bool
    modern: bool
    directories: dict[str, tuple[str, str]] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    stale: list[str] = field(default_factory=list)

    def add(self, directory: str) -> None:
        """Search in `directory` too, unless it is missing or another name of one that is searched already."""
        if not self.files.is_directory(directory):
            return
        self.directories.setdefault(self.files.resolve(directory, follow=True), (directory, ""))

    def require_no_legacy(self) -> None:
        """Raise where a directory has subdirectories that old versions of ldconfig search, which is not written here."""
        for real, (shown, _) in self.directories.items():
            for name in _LEGACY.intersection(self.files.children(real)):
                if any(map(self._is_library_name, self._names(f"{real}/{name}"))):
                    raise BuilderError(
                        f"libraries in {shown}/{name}, for processors with that feature, are not known here",
                        hint="rootfs.engine: mmdebstrap builds such a root file system",
                    )

    def entries(self) -> Iterator[Entry]:
        """All libraries; fills `links` and `stale`."""
        for shown, hwcaps in [*self.directories.values(), *self._hwcaps()]:
            for name, found in self._newest(shown).items():
                # In a subdirectory of glibc-hwcaps no links are made.
                file = found.file if hwcaps else name
                if not hwcaps and found.file != name:
                    self._link(f"{shown}/{name}", found.file)
                yield Entry(name=name, path=f"{shown}/{file}", flags=found.flags, hwcaps=hwcaps)

    def _hwcaps(self) -> Iterator[tuple[str, str]]:
        for shown, _ in self.directories.values():
            for name in self._names(f"{shown}/{_HWCAPS}"):
                path = f"{shown}/{_HWCAPS}/{name}"
                if not name.startswith(".") and ":" not in name and self.files.is_directory(path):
                    yield path, name

    def _names(self, directory: str) -> Sequence[str]:
        return self.files.children(directory) if self.files.is_directory(directory) else ()

    def _newest(self, directory: str) -> dict[str, _Found]:
        """For each name that programs ask for, the file in `directory` that has it: a file before a link, then the newest."""
        best: dict[str, _Found] = {}
        for file in self.files.children(directory):
            inspected = self._inspect(directory, file) if self._is_library_name(file) else None
            if inspected is None:
                continue
            name, found = inspected
            known = best.get(name)
            newer = known is None or (not found.is_link and known.is_link)
            if newer or (known and known.is_link == found.is_link and compare_names(known.file, file) < 0):
                best[name] = found
        return best

    def _inspect(self, directory: str, file: str) -> tuple[str, _Found] | None:
        own = self.files.resolve(f"{directory}/{file}")
        try:
            real = self.files.resolve(own, follow=True)
        except BuilderError:  # a circle of links
            real = ""
        if not real or not self.files.exists(real):
            if ".so." in file:
                self.stale.append(own)
            return None
        facts = None if self.files.is_directory(real) else _facts(self.files.content(real), x86=self.x86)
        if facts is None:
            return None
        soname, flags = facts
        name = soname or file
        # A link counts as one if it has the library's name, or is what the linker asks for (libx.so); else it is like a file.
        is_link = own != real and (file == name or (file.endswith(".so") and name.startswith(file)))
        return file if is_link else name, _Found(file=file, is_link=is_link, flags=flags)

    def _is_library_name(self, name: str) -> bool:
        if not name.startswith(("lib", "ld-", "ld.so.", "ld64.so.")) or ".so" not in name:
            return False
        return not (_PASSED_OVER if self.modern else _PASSED_OVER_BEFORE).search(name)

    def _link(self, path: str, target: str) -> None:
        """Note the link that ldconfig makes, unless it is there already and leads to the same file."""
        own = self.files.resolve(path)
        beside = posixpath.join(posixpath.dirname(own), target)
        try:
            same = self.files.resolve(own, follow=True) == self.files.resolve(beside, follow=True)
        except BuilderError:
            same = False
        if not same:
            self.links[own] = target


def _facts(source: ByteSource, *, x86: bool) -> tuple[str, int] | None:
    """The SONAME (empty without one) and the flags of a library, None for what is none or is for other machines."""
    try:
        elf = read_elf(source)
    except ElfError:
        return None
    own = _X86.get((elf.machine, elf.wide)) if x86 else _arm(elf)
    if own is None or elf.kind != FileType.SHARED or not elf.segments_of(SegmentType.DYNAMIC):
        return None
    return read_dynamic(elf).soname, _ELF_LIBC6 | own


def _arm(elf: ElfFile) -> int:
    if elf.wide:
        return _AARCH64
    # Libraries without code that passes floating-point numbers state neither.
    return _ARM_HARD if elf.flags & _FLOAT_HARD else _ARM_SOFT if elf.flags & _FLOAT_SOFT else 0

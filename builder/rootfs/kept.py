"""A few files of a root file system, with all that they need: what a container image takes out of packages."""

import fnmatch
import hashlib
import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from builder.core.arch import ARCH_FACTS
from builder.core.errors import BuilderError
from builder.formats.elf import MAGIC, ElfError, read_dynamic, read_elf
from builder.rootfs.effects.base import Image
from builder.rootfs.tree import Kind, Node

# Where scanners look for the packages of images that have no dpkg.
_STATUS = "var/lib/dpkg/status.d"
_MOST_LINKS = 40
_WILDCARDS = frozenset("*?[")


def keep_only(image: Image, patterns: Sequence[str]) -> None:
    """Leave nothing in `image` but what `patterns` name, the libraries that programs among it load, and links on the way.

    A directory stands for all that is in it; `*` stands for slashes too. Each package that something is left of is recorded as
    images without dpkg record it, with its copyright. `BuilderError` for patterns and libraries of which there is nothing.
    """
    keeping = _Keeping(image=image)
    for pattern in patterns:
        keeping.keep(pattern)
    keeping.keep_copyrights()
    if keeping.problems:
        raise BuilderError(
            "not everything that the image is to have is in the packages",
            details=keeping.problems,
            hint="correct keep, or add the packages that bring it",
        )
    records = list(_records(image, keeping.kept))
    nodes = image.tree.nodes
    for path in nodes.keys() - keeping.kept:
        del nodes[path]
    for path, text in records:
        image.tree.write(path, text)


@dataclass(slots=True, kw_only=True)
class _Keeping:
    """What is kept so far; links are followed as the loader and a kernel would."""

    image: Image
    kept: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def keep(self, pattern: str) -> None:
        name = pattern.strip("/")
        if not _WILDCARDS & set(name):
            if not self._reach(name):
                self.problems.append(f"{pattern}: there is no such file")
            return
        found = fnmatch.filter(self.image.tree.nodes, name)
        if not found:
            self.problems.append(f"{pattern}: no file is called so")
        for path in found:
            self._reach(path)

    def keep_copyrights(self) -> None:
        for package in sorted(_owners(self.image, self.kept)):
            self._reach(f"usr/share/doc/{package}/copyright")

    def _reach(self, path: str) -> bool:
        """Keep what `path` leads to and all links on the way; whether there is anything."""
        nodes, waiting, here = self.image.tree.nodes, _parts(path), ""
        way: list[str] = []
        links = 0
        while waiting:
            name = posixpath.normpath(posixpath.join(here, waiting.pop()))
            if name == ".":
                here = ""
                continue
            node = nodes.get(name)
            if node is None or links > _MOST_LINKS:
                return False
            way.append(name)
            if node.kind is Kind.SYMLINK:
                links += 1
                waiting += _parts(node.target)
                here = "" if node.target.startswith("/") else here
            else:
                here = name
        for name in way:
            self._add(name, nodes[name])
        if here and nodes[here].kind is Kind.DIRECTORY:
            self._add_contents(here)
        return True

    def _add_contents(self, directory: str) -> None:
        if directory in self.whole:
            return
        self.whole.add(directory)
        for path in self.image.tree.below(directory):
            self._add(path, self.image.tree.nodes[path])
            self._reach(path)

    def _add(self, path: str, node: Node) -> None:
        if path in self.kept:
            return
        self.kept.add(path)
        if node.kind is Kind.HARDLINK:
            self._reach(node.target)
        elif node.content is not None and node.content.read(len(MAGIC)) == MAGIC:
            self._add_libraries(path, node)

    def _add_libraries(self, path: str, node: Node) -> None:
        if node.content is None:
            return
        try:
            dynamic = read_dynamic(read_elf(node.content))
        except ElfError as error:
            self.problems.append(f"/{path}: {error}")
            return
        origin = f"/{posixpath.dirname(path)}"
        places = [place.replace("${ORIGIN}", "$ORIGIN").replace("$ORIGIN", origin) for place in dynamic.search_paths]
        if dynamic.interpreter and not self._reach(dynamic.interpreter.strip("/")):
            self.problems.append(f"/{path} needs the loader {dynamic.interpreter}")
        for library in dynamic.needed:
            if not any(self._reach(f"{place.strip('/')}/{library}") for place in (*places, *self._libraries)):
                self.problems.append(f"/{path} needs {library}")

    @property
    def _libraries(self) -> tuple[str, ...]:
        """Where Debian's loader looks without being told."""
        triplet = ARCH_FACTS[self.image.arch].triplet
        return (f"lib/{triplet}", f"usr/lib/{triplet}", "lib", "usr/lib")


def _parts(path: str) -> list[str]:
    """The names in `path`, the first one last."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def _owners(image: Image, paths: Iterable[str]) -> set[str]:
    """The packages that brought any of `paths`, but for directories, which many have."""
    nodes = [image.tree.nodes[path] for path in paths]
    return {node.owner for node in nodes if node.kind is not Kind.DIRECTORY} & image.packages.keys()


def _records(image: Image, kept: set[str]) -> Iterator[tuple[str, str]]:
    """For each package that something is left of its control file, and the MD5 digests that dpkg has too."""
    for name in sorted(_owners(image, kept)):
        yield f"{_STATUS}/{name}", f"{image.packages[name].control.strip()}\n"
        files = [path for path in sorted(kept) if image.tree.nodes[path].owner == name]
        lines = [
            f"{hashlib.md5(content.read(), usedforsecurity=False).hexdigest()}  {path}\n"
            for path in files
            if (content := image.tree.nodes[path].content) is not None
        ]
        yield f"{_STATUS}/{name}.md5sums", "".join(lines)

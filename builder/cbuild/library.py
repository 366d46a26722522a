"""A static library out of C sources, the same bytes wherever and by whomever it is built."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.core.arch import Arch
from builder.core.errors import BuilderError
from builder.toolchain.zig import Zig

# Sections of their own let the linker leave out what is not called. No debug information: it would name directories.
CFLAGS = ("-O2", "-g0", "-ffunction-sections", "-fdata-sections")


@dataclass(frozen=True, slots=True, kw_only=True)
class CLibrary:
    """`lib<name>.a` for `arch`, and the headers to use it with.

    All paths are relative to the source tree: `sources` and `headers` are patterns as `Path.glob` takes them, `without`
    names sources that the patterns find and that are not part of the library, `include` lists directories for `#include`.
    `generated` maps files that upstream's configure would write to their text; they must not exist yet.
    """

    name: str
    arch: Arch
    sources: tuple[str, ...]
    without: frozenset[str]
    include: tuple[str, ...]
    generated: Mapping[str, str]
    headers: tuple[str, ...]

    def run(self, zig: Zig, *, tree: Path, output: Path) -> Path:
        """Compile in the source tree `tree`, which is written to, into `output/lib` and `output/include`; the library."""
        for name, text in self.generated.items():
            with (tree / name).open("x") as stream:
                stream.write(text)
        library = output / "lib" / f"lib{self.name}.a"
        library.parent.mkdir(parents=True)
        objects = [self._compile(zig, tree, source) for source in self._sources(tree)]
        zig.run((*zig.ar, "rcsD", str(library), *objects), cwd=tree)
        self._install_headers(tree, output / "include")
        return library

    def _compile(self, zig: Zig, tree: Path, source: str) -> str:
        """Compile one source. Names are relative, from the tree: what the compiler writes of them is the same everywhere."""
        target = str(Path(source).with_suffix(".o"))
        include = [f"-I{directory}" for directory in self.include]
        zig.run((*zig.cc(self.arch), *CFLAGS, *include, "-c", "-o", target, source), cwd=tree)
        return target

    def _sources(self, tree: Path) -> list[str]:
        found = self._find(tree, self.sources)
        unknown = self.without.difference(found)
        if unknown:
            raise BuilderError(
                f"the sources of {self.name} have no {', '.join(sorted(unknown))}, which was to be left out"
            )
        return sorted(set(found) - self.without)

    def _install_headers(self, tree: Path, directory: Path) -> None:
        directory.mkdir()
        for name in self._find(tree, self.headers):
            shutil.copyfile(tree / name, directory / Path(name).name)

    def _find(self, tree: Path, patterns: tuple[str, ...]) -> list[str]:
        found = []
        for pattern in patterns:
            paths = [path.relative_to(tree).as_posix() for path in tree.glob(pattern)]
            if not paths:
                raise BuilderError(
                    f"the sources of {self.name} have no {pattern}",
                    hint="is this the archive of a release? An archive of the repository lacks files that a release has",
                )
            found += paths
        return found

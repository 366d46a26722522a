"""A dynamic program with everything that it loads, in one directory: it runs without any library of the system's."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from builder.core.arch import ARCH_FACTS, Arch
from builder.core.errors import BuilderError
from builder.formats.elf import Dynamic, ElfError, open_elf, read_dynamic

# Where Debian's packages keep libraries that the loader finds without being told, below a tree's root.
_LIBRARY_DIRECTORIES = ("lib", "usr/lib")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedSet:
    """`program` (a path in the trees of unpacked packages) for `arch` with its libraries and its loader."""

    name: str
    arch: Arch
    program: str

    def run(self, trees: Sequence[Path], output: Path) -> tuple[Path, ...]:
        """Copy the set out of `trees` to `output/lib/<name>`; its files, sorted.

        The program becomes `<name>`, libraries and loader keep the names that they are asked for by.

        Raises:
            BuilderError: the program or something that it needs is in no tree, is damaged or for another architecture.
        """
        directory = output / "lib" / self.name
        directory.mkdir(parents=True)
        self._copy(self._program(trees), directory / self.name)
        # The interpreter is an absolute path, the others are names to look for.
        pending = sorted(self._wanted(directory / self.name))
        while pending:
            name = pending.pop()
            if not (directory / name).exists():
                self._copy(self._library(trees, name, directory), directory / name)
                pending += sorted(self._wanted(directory / name))
        self._loader(directory).chmod(0o755)
        require_closed(directory, self.name)
        return tuple(sorted(directory.iterdir()))

    def _program(self, trees: Sequence[Path]) -> Path:
        found = [tree / self.program for tree in trees if (tree / self.program).is_file()]
        if len(found) != 1:
            raise BuilderError(f"{self.program} is in {len(found)} of the unpacked packages, and should be in one")
        return found[0]

    def _library(self, trees: Sequence[Path], name: str, directory: Path) -> Path:
        for tree in trees:
            for place in _LIBRARY_DIRECTORIES:
                # Not by name: that would leave out a link that leads nowhere on this machine.
                for found in sorted(path for path in (tree / place).rglob("*") if path.name == name):
                    resolved = _inside(tree, found)
                    if resolved is not None:
                        return resolved
        asking = [path.name for path in sorted(directory.iterdir()) if name in self._wanted(path)]
        raise BuilderError(
            f"{self.name} is not complete: {name} is in none of the unpacked packages",
            details=[f"{asker} needs it" for asker in asking],
            hint="add the package that brings it",
        )

    def _wanted(self, path: Path) -> set[str]:
        return set(_asked_for(_dynamic(path, self.arch)))

    def _copy(self, source: Path, target: Path) -> None:
        _dynamic(source, self.arch)
        shutil.copyfile(source, target)
        target.chmod(0o755 if target.name == self.name else 0o644)

    def _loader(self, directory: Path) -> Path:
        interpreter = _dynamic(directory / self.name, self.arch).interpreter
        if not interpreter:
            raise BuilderError(f"{self.program} names no loader; a static program needs no set")
        return directory / PurePosixPath(interpreter).name


def require_closed(directory: Path, name: str) -> None:
    """Raise `BuilderError` unless every library and loader that a file in `directory` asks for lies there too.

    Neither may a file look elsewhere (DT_RPATH, DT_RUNPATH): it could find the system's libraries. The set is called `name`.
    """
    present = {path.name for path in directory.iterdir()}
    problems = []
    for path in sorted(directory.iterdir()):
        dynamic = _dynamic(path, None)
        problems += [f"{path.name} needs {wanted}" for wanted in _asked_for(dynamic) if wanted not in present]
        problems += [f"{path.name} looks for libraries in {place}" for place in dynamic.search_paths]
    if problems:
        raise BuilderError(f"{name} and its libraries are not closed", details=problems)


def _asked_for(dynamic: Dynamic) -> Iterator[str]:
    yield from dynamic.needed
    if dynamic.interpreter:
        yield PurePosixPath(dynamic.interpreter).name


def _dynamic(path: Path, arch: Arch | None) -> Dynamic:
    try:
        with open_elf(path) as elf:
            dynamic, damage, machine = read_dynamic(elf), elf.damage, elf.machine
    except ElfError as error:
        raise BuilderError(f"{path.name} is no executable or library: {error}") from error
    if damage or dynamic.damage:
        raise BuilderError(f"{path.name} is damaged", details=[*damage, *dynamic.damage])
    if arch is not None and machine != ARCH_FACTS[arch].elf_machine:
        raise BuilderError(f"{path.name} is not for {arch}", details=[f"ELF machine {machine}"])
    return dynamic


def _inside(tree: Path, path: Path) -> Path | None:
    """The file that `path` leads to inside `tree`; links of packages count from the tree's root, never from this machine's."""
    for _ in range(8):
        if not path.is_symlink():
            return path if path.is_file() else None
        target = path.readlink()
        path = tree / target.relative_to("/") if target.is_absolute() else path.parent / target
        if not path.parent.resolve().is_relative_to(tree.resolve()):
            return None
    return None

"""Whether a tools tree holds all libraries that its programs load: what it lacks, the loader would take of the machine."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from builder.core.errors import BuilderError
from builder.formats.elf import ElfError, open_elf, read_dynamic
from builder.toolchain.tree import PLACES, ToolsTree


def require_libraries(tree: ToolsTree) -> None:
    """Raise where a program of `tree`, or a library that it loads, needs a library that the tree does not have."""
    search = _Search(tree=tree)
    for program in _programs(tree):
        search.follow(program, ())
    if search.missing:
        raise BuilderError(
            "the tools do not hold all libraries that they load",
            details=[f"{name}: needed by {', '.join(sorted(who))}" for name, who in sorted(search.missing.items())],
            hint="add the packages that bring them to the set in debian.tools.sets, then: builder lock --update",
        )


def _programs(tree: ToolsTree) -> Iterator[Path]:
    for place in PLACES:
        with os.scandir(tree.root / place) as entries:
            yield from (Path(entry.path) for entry in entries if entry.is_file(follow_symlinks=False))


@dataclass(slots=True, kw_only=True)
class _Search:
    """`found` maps every library that was followed to where it lies; `missing` the others to what needs them."""

    tree: ToolsTree
    found: dict[str, Path] = field(default_factory=dict)
    missing: dict[str, set[str]] = field(default_factory=dict)

    def follow(self, file: Path, inherited: tuple[Path, ...]) -> None:
        """Look for all that `file` needs, in the directories of what loads it too."""
        try:
            with open_elf(file) as elf:
                dynamic = read_dynamic(elf)
        except ElfError:
            return
        places = (*inherited, *self.tree.library_path(dynamic))
        for name in dynamic.needed:
            if name in self.found:
                continue
            library = next((place / name for place in places if (place / name).exists()), None)
            if library is None:
                self.missing.setdefault(name, set()).add(file.name)
            else:
                self.found[name] = library
                self.follow(library, places)

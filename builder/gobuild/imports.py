"""Which files of a Go module a package of it is compiled from."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import TypeVar

FileT = TypeVar("FileT")

# An import stands alone on its line, after a name or not. What only looks like one adds a file too many, no harm.
_IMPORT = re.compile(r'^\s*(?:import\s+)?(?:[\w.]+\s+)?"([^"\s]+)"', re.MULTILINE)


def files_of_package(
    package: str, module: str, files: Mapping[str, FileT], places: Mapping[str, Path]
) -> dict[str, FileT]:
    """Those of `files` (by their path in the module `module`) that lie in `package` (`./cmd/cni`) or in what it imports.

    `places` says where to read each. A package of another module needs none of them. Files of directories below a
    package's own (embedded ones, say) do not belong to it.
    """
    directories: dict[str, list[str]] = {}
    for name in files:
        directories.setdefault(str(PurePosixPath(name).parent), []).append(name)
    wanted = [str(PurePosixPath(package))] if package.startswith(".") else []
    found: dict[str, FileT] = {}
    while wanted:
        directory = wanted.pop()
        for name in directories.pop(directory, ()):
            found[name] = files[name]
            if name.endswith(".go"):
                wanted += _inside(module, _IMPORT.findall(places[name].read_text(errors="replace")))
    return found


def _inside(module: str, imports: Iterable[str]) -> list[str]:
    """The directories in `module` of those imports that it has."""
    return [path.removeprefix(f"{module}/") for path in imports if path.startswith(f"{module}/")]

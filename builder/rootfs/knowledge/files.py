"""Where knowledge lies."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

SNIPPETS, IDS, PACKAGES = "snippets.yaml", "ids.yaml", "packages"


def knowledge_files(directories: Sequence[Path], packages: Collection[str]) -> Mapping[str, Path]:
    """The files below `directories` that say something about `packages`, by a name that tells directory and path in it.

    A file is named after the package that it is about, or `PREFIX-any.yaml` where it is about all whose names begin so.
    """
    found: dict[str, Path] = {}
    for number, directory in enumerate(directories):
        files = [directory / name for name in (SNIPPETS, IDS) if (directory / name).exists()]
        files += [path for path in sorted((directory / PACKAGES).glob("*.yaml")) if _is_about(path.stem, packages)]
        found |= {f"{number}/{path.relative_to(directory)}": path for path in files}
    return found


def _is_about(stem: str, packages: Collection[str]) -> bool:
    prefix = stem.removesuffix("-any")
    return stem in packages or (prefix != stem and any(one.startswith(prefix) for one in packages))

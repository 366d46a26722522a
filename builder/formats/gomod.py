"""The part of go.mod that the toolchain reads itself: which version of which module is required, or takes its place."""

from collections.abc import Iterator
from pathlib import Path

from builder.core.errors import RecipeError


def read_requirements(go_mod: Path) -> dict[str, str]:
    """Module path to version for every `require` of the file; `RecipeError` names the line of one that is malformed."""
    required: dict[str, str] = {}
    for number, line, words in _directives(go_mod, "require"):
        match words:
            case [module, version]:
                required[module] = version
            case _:
                raise RecipeError(f"{go_mod}:{number}: expected 'module version'", details=[line.strip()])
    return required


def read_module(go_mod: Path) -> str:
    """The path of the module that the file is about."""
    for _, _, words in _directives(go_mod, "module"):
        return words[0]
    raise RecipeError(f"{go_mod}: it does not name its module")


def read_replacements(go_mod: Path) -> dict[str, tuple[str, str]]:
    """Module path to path and version of what replaces it, the version empty for a directory; else as `read_requirements`."""
    replaced: dict[str, tuple[str, str]] = {}
    for number, line, words in _directives(go_mod, "replace"):
        match words:
            case [module, "=>", path, *version] | [module, _, "=>", path, *version] if len(version) <= 1:
                replaced[module] = (path, "".join(version))
            case _:
                raise RecipeError(f"{go_mod}:{number}: expected 'module => replacement'", details=[line.strip()])
    return replaced


def _directives(go_mod: Path, keyword: str) -> Iterator[tuple[int, str, list[str]]]:
    """Number, text and arguments of every line that is a `keyword` directive or stands in a block of them."""
    block = ""
    for number, line in enumerate(go_mod.read_text().splitlines(), start=1):
        words = line.split("//", 1)[0].split()
        if words[1:] == ["("]:
            block = words[0]
        elif words == [")"]:
            block = ""
        elif words and (block == keyword or (not block and words[0] == keyword)):
            yield number, line, words if block else words[1:]

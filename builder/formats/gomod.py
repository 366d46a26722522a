"""The part of go.mod that the toolchain reads itself: which version of which module is required."""

from pathlib import Path

from builder.core.errors import RecipeError


def read_requirements(go_mod: Path) -> dict[str, str]:
    """Module path to version for every `require` of the file; `RecipeError` names the line of one that is malformed."""
    required: dict[str, str] = {}
    block = False
    for number, line in enumerate(go_mod.read_text().splitlines(), start=1):
        words = line.split("//", 1)[0].split()
        if words == ["require", "("]:
            block = True
        elif words == [")"]:
            block = False
        elif words and (block or words[0] == "require"):
            pair = words if block else words[1:]
            match pair:
                case [module, version]:
                    required[module] = version
                case _:
                    raise RecipeError(f"{go_mod}:{number}: expected 'module version'", details=[line.strip()])
    return required

"""The files of a checkout that say how a device starts."""

from builder.core.errors import RecipeError
from builder.recipe.load import LoadedRecipe
from builder.steps.kinds.boot import GRUB_SOURCE, INIT_SOURCE
from builder.steps.source import SourceFile, read_source


def boot_files(loaded: LoadedRecipe) -> dict[str, SourceFile]:
    """The initrd's script and GRUB's configuration; `RecipeError` for all that cannot be read."""
    section = loaded.recipe.image
    if section is None:
        return {}
    found: dict[str, SourceFile] = {}
    missing: list[str] = []
    for name, key, path in ((INIT_SOURCE, "init", section.init), (GRUB_SOURCE, "grub", section.grub)):
        try:
            found[name] = read_source(path)
        except OSError as error:
            missing.append(f"{loaded.origin(f'image.{key}')}: image.{key}: {loaded.shown(path)}: {error.strerror}")
    if missing:
        raise RecipeError("what images are made of is not there", details=missing)
    return found

"""The steps that fetch Debian's packages, one for each: recipes, architectures and tools share them."""

from builder.debian.mirrors import MAIN_ARCHIVE, SECURITY_ARCHIVE
from builder.debian.pins import PinnedFile
from builder.plan.toolchains import FETCH
from builder.recipe.debian import Debian
from builder.steps.kinds.debian import ARCHIVE_FILES, ArchiveInput
from builder.steps.step import Step

_SUFFIX = ".deb"
# What the names of files have for the colon of an epoch; a step's id names files too.
_COLONS = (":", "%3a", "%3A")


def pool_step(pin: PinnedFile, debian: Debian | None = None) -> Step[ArchiveInput]:
    """The step that brings the file of `pin` under its own name; `debian` is the recipe's section, which may name mirrors."""
    return Step(
        id=f"debian/pool/{pool_name(pin)}",
        kind=ARCHIVE_FILES,
        input=ArchiveInput(pins=(pin,), mirrors=debian.mirrors if debian else ()),
        resources=FETCH,
    )


def pool_name(pin: PinnedFile) -> str:
    """The name of a pinned package in the ids of steps: `NAME_VERSION_ARCH`, below its archive's where that is not Debian's."""
    name = pin.file_name.removesuffix(_SUFFIX)
    for colon in _COLONS:
        name = name.replace(colon, ".")
    return name if pin.archive in (MAIN_ARCHIVE, SECURITY_ARCHIVE) else f"{pin.archive}/{name}"

"""The steps that fetch Debian's packages, one for each: recipes, architectures and tools share them."""

from dataclasses import replace

from builder.core.errors import RecipeError
from builder.core.resources import MIB, Resources
from builder.debian.mirrors import MAIN_ARCHIVE, SECURITY_ARCHIVE
from builder.debian.pins import PinnedFile
from builder.recipe.debian import Debian
from builder.steps.kinds.debian import ARCHIVE_FILES, ArchiveInput
from builder.steps.step import Step

_SUFFIX = ".deb"
_DEBIAN = (MAIN_ARCHIVE, SECURITY_ARCHIVE)
# A download waits for a server, and holds a piece of the file at a time.
_DOWNLOAD = Resources(cores=0, memory_bytes=16 * MIB, connections=1)
# What the names of files have for the colon of an epoch; a step's id names files too.
_COLONS = (":", "%3a", "%3A")


def pool_step(pin: PinnedFile, debian: Debian | None = None) -> Step[ArchiveInput]:
    """The step that brings the file of `pin` under its own name; `debian`, the recipe's section, says where from."""
    return files_step(f"debian/pool/{pool_name(pin)}", (pin,), debian)


def files_step(step_id: str, pins: tuple[PinnedFile, ...], debian: Debian | None) -> Step[ArchiveInput]:
    """The step that brings the files of `pins`, which are of Debian's archives, or all of one other."""
    return Step(
        id=step_id,
        kind=ARCHIVE_FILES,
        input=ArchiveInput(pins=pins, mirrors=debian.mirrors if debian else (), address=_address(pins, debian)),
        resources=replace(_DOWNLOAD, disk_bytes=sum(pin.size_bytes for pin in pins)),
    )


def _address(pins: tuple[PinnedFile, ...], debian: Debian | None) -> str:
    """The base address of the archive of `pins`, empty where it is one of Debian's."""
    archive = pins[0].archive if pins else MAIN_ARCHIVE
    if archive in _DEBIAN:
        return ""
    repository = debian.repositories.get(archive) if debian else None
    if repository is None:  # a lock that fits its recipe has no other
        raise RecipeError(
            f"the lock pins {pins[0]} of {archive}, and debian.repositories does not have it",
            hint="run 'builder lock --update'",
        )
    return repository.address.rstrip("/")


def pool_name(pin: PinnedFile) -> str:
    """The name of a pinned package in the ids of steps: `NAME_VERSION_ARCH`, below its archive's where that is not Debian's."""
    name = pin.file_name.removesuffix(_SUFFIX)
    for colon in _COLONS:
        name = name.replace(colon, ".")
    return name if pin.archive in _DEBIAN else f"{pin.archive}/{name}"

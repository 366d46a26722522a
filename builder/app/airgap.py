"""Bundles of images: what must be in one, and whether it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.core.arch import Arch
from builder.core.errors import BuilderError, RecipeError, VerificationError
from builder.io.files import atomic_write
from builder.oci.inventory import arch_of
from builder.oci.needs import find_needs
from builder.oci.verify import Expected, verify_bundle
from builder.oci.workloads import manifest_files
from builder.recipe.load import LoadedRecipe

HINT = "a device would find out when a pod starts; make the bundle again with what is missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Whether the bundle at `path` has all that `files` (manifests, a configuration) and the `system` images need.

    With files, nothing else may be in it unless `with_more`. Without an `arch` it is that of the bundle's first image.
    """

    path: Path
    system: Mapping[str, str]
    files: Sequence[Path] = ()
    arch: Arch | None = None
    with_more: bool = False


def require_complete(question: Question, *, cores: int) -> int:
    """Raise `VerificationError` with everything that is wrong with the bundle; how many images it was asked for."""
    needs = find_needs(question.system, _existing(question.files))
    expected = Expected(
        arch=question.arch or arch_of(question.path),
        needed=needs.places,
        exact=bool(question.files) and not question.with_more,
    )
    problems = [*needs.hopeless, *verify_bundle(question.path, expected, cores=cores)]
    if problems:
        raise VerificationError(
            f"{question.path} is not complete", details=[str(problem) for problem in problems], hint=HINT
        )
    return len(needs.places)


def write_bills(bundle: Path, directory: Path) -> None:
    """Write what each image of `bundle` consists of into `directory`, as far as the image itself tells."""
    from builder.oci.bills import bills_of  # noqa: PLC0415 - the library takes longer to import than a list to print

    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, data in bills_of(bundle, {}):
            atomic_write(directory / name, data)
    except OSError as error:
        raise BuilderError(f"{error.filename or directory}: {error.strerror}") from None


def system_images(loaded: LoadedRecipe) -> dict[str, str]:
    """The references of the images that the system of the recipe needs itself, by name."""
    return {name: image.reference for name, image in loaded.recipe.images.items() if image.system}


def _existing(paths: Sequence[Path]) -> dict[str, Path]:
    missing = [f"{path}: there is no such file or directory" for path in paths if not path.exists()]
    if missing:
        raise RecipeError("what the bundle is compared with is not there", details=missing)
    return {str(file): file for path in paths for file in manifest_files(path)}

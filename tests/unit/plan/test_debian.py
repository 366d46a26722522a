import pytest

from builder.core.errors import RecipeError
from builder.debian.pins import PinnedFile
from builder.plan.debian import pool_step
from builder.recipe.debian import Debian


def pin(path: str, archive: str = "debian") -> PinnedFile:
    return PinnedFile(
        name="libc6",
        version="2.36-9",
        architecture="armhf",
        archive=archive,
        path=path,
        size_bytes=3,
        sha256=f"sha256:{'ab' * 32}",
    )


def test_a_package_is_one_step_that_is_named_after_its_file() -> None:
    step = pool_step(pin("pool/main/g/glibc/libc6_2.36-9+deb12u14_armhf.deb"))
    assert step.id == "debian/pool/libc6_2.36-9+deb12u14_armhf"
    assert [one.name for one in step.input.pins] == ["libc6"]


def test_the_colon_of_an_epoch_is_no_part_of_an_id() -> None:
    ids = {pool_step(pin(f"pool/libc6_1{colon}2.36-9_armhf.deb")).id for colon in (":", "%3a", "%3A")}
    assert ids == {"debian/pool/libc6_1.2.36-9_armhf"}


REPOSITORY = {"address": "https://mirror.invalid/v/", "suite": "stable", "keys": "v.asc", "fingerprints": ("A" * 40,)}
DEBIAN = Debian.model_validate(
    {
        "suites": {},
        "sources": "trixie",
        "mirrors": ("https://mirror.invalid/debian",),
        "repositories": {"vendor": REPOSITORY},
    }
)


def test_packages_of_other_archives_have_names_of_their_own_and_come_from_there() -> None:
    path = "pool/libc6_2.36-9_armhf.deb"
    steps = [pool_step(pin(path, archive), DEBIAN) for archive in ("debian", "debian-security", "vendor")]
    assert [step.id for step in steps] == [
        "debian/pool/libc6_2.36-9_armhf",
        "debian/pool/libc6_2.36-9_armhf",
        "debian/pool/vendor/libc6_2.36-9_armhf",
    ]
    assert [step.input.address for step in steps] == ["", "", "https://mirror.invalid/v"]


def test_an_archive_that_the_recipe_does_not_name_is_told() -> None:
    with pytest.raises(RecipeError, match=r"the lock pins libc6 2.36-9 \(armhf\) of other, and debian.repositories"):
        pool_step(pin("pool/libc6_2.36-9_armhf.deb", "other"), DEBIAN)


def test_mirrors_are_no_part_of_what_a_package_is() -> None:
    path = "pool/libc6_2.36-9_armhf.deb"
    assert pool_step(pin(path), DEBIAN).input.mirrors == ("https://mirror.invalid/debian",)
    assert pool_step(pin(path), DEBIAN).key == pool_step(pin(path)).key


def test_downloads_take_a_connection_and_no_core() -> None:
    resources = pool_step(pin("pool/libc6_2.36-9_armhf.deb")).resources
    assert (resources.cores, resources.connections, resources.disk_bytes) == (0, 1, 3)

from builder.debian.pins import PinnedFile
from builder.plan.debian import pool_step


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


def test_packages_of_other_archives_have_names_of_their_own() -> None:
    path = "pool/libc6_2.36-9_armhf.deb"
    ids = [pool_step(pin(path, archive)).id for archive in ("debian", "debian-security", "vendor")]
    assert ids == [
        "debian/pool/libc6_2.36-9_armhf",
        "debian/pool/libc6_2.36-9_armhf",
        "debian/pool/vendor/libc6_2.36-9_armhf",
    ]

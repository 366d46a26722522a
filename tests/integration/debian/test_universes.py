"""All that archives have, out of their signed indexes."""

from datetime import timedelta
from pathlib import Path

import pysequoia
import pytest

from builder.core.errors import RecipeError
from builder.debian.repository import Library, Release, Repository
from builder.debian.solve import solve
from builder.debian.universe import read_universe
from builder.debian.unsolvable import Request
from tests.integration.debian.archive import DATE, Archive
from tests.integration.debian.conftest import Connect


@pytest.fixture
def library(tmp_path: Path, connect: Connect) -> Library:
    (tmp_path / "indexes").mkdir()
    return Library(downloader=connect(), mirrors=None, directory=tmp_path / "indexes", now=DATE + timedelta(hours=1))


def released(archive: Archive, name: str, library: Library) -> Release:
    archive.publish()
    repository = Repository(
        archive=name, suite=archive.suite, keyring=archive.keyring, mirrors=(archive.root.as_uri(),)
    )
    return library.release(repository)


@pytest.fixture
def vendor(tmp_path: Path, signer: pysequoia.Tsk) -> Archive:
    return Archive(root=tmp_path / "vendor", signer=signer, suite="latest")


def test_packages_of_several_archives_go_together(archive: Archive, vendor: Archive, library: Library) -> None:
    archive.add_package("tool", "1.0", "armhf", fields="Depends: lib (>= 1)\n")
    archive.add_package("lib", "1.0", "armhf")
    vendor.add_package("lib", "1.0+vendor", "armhf")
    releases = [released(archive, "debian", library), released(vendor, "vendor", library)]
    universe = read_universe(library, releases, "armhf")
    found = solve(universe, Request(wanted={"tool": "test"}, with_base=False))
    assert [(one.name, one.version, one.archive) for one in found] == [
        ("lib", "1.0+vendor", "vendor"),
        ("tool", "1.0", "debian"),
    ]
    older = read_universe(library, releases, "armhf", {"lib": "1.0"})
    assert [one.archive for one in solve(older, Request(wanted={"lib": "test"}, with_base=False))] == ["debian"]


@pytest.mark.parametrize(
    ("fields", "is_apart"),
    [
        ({"Architectures": "armhf all"}, True),
        ({"Architectures": "armhf all", "No-Support-for-Architecture-all": "Packages"}, False),
        ({"Architectures": "armhf"}, False),
    ],
)
def test_an_index_of_packages_for_all_architectures_is_read_where_it_stands_apart(
    fields: dict[str, str], is_apart: bool, archive: Archive, library: Library
) -> None:
    archive.add_package("tool", "1.0", "armhf")
    archive.add_package("data", "1.0", "all")
    archive.release |= fields
    universe = read_universe(library, [released(archive, "debian", library)], "armhf")
    assert universe.candidate("tool")
    assert bool(universe.candidate("data")) is is_apart


def test_an_architecture_that_a_repository_does_not_have_is_told(archive: Archive, library: Library) -> None:
    archive.add_package("tool", "1.0", "amd64")
    with pytest.raises(RecipeError, match="stable of vendor has no index of main for armhf"):
        read_universe(library, [released(archive, "vendor", library)], "armhf")

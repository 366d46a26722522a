from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path

import pysequoia
import pytest

from builder.core.errors import BuilderError, RecipeError, VerificationError
from builder.debian.download import Downloader, fetch_pinned
from builder.debian.index import find_packages
from builder.debian.mirrors import Mirrors
from builder.debian.pins import PinnedFile
from builder.debian.repository import Library, Repository
from builder.debian.resolve import Wanted, resolve_pins
from builder.formats.deb import extract_files
from tests.integration.debian.archive import DATE, Archive
from tests.integration.debian.conftest import Connect, Serve
from tests.integration.debian.server import Fault, Server

NOW = DATE + timedelta(days=3)
RELEASE = "/debian/dists/stable/InRelease"
INDEX = "/debian/dists/stable/main/binary-armhf/Packages.xz"


@dataclass(frozen=True, kw_only=True)
class Site:
    """An archive, a server that has it, and what a user knows of both."""

    archive: Archive
    server: Server
    repository: Repository
    downloader: Downloader
    directory: Path

    def library(self, *servers: Server, now: datetime = NOW) -> Library:
        """What describes the archive, from `servers` instead of the one."""
        addresses = tuple(f"{one.url}/debian" for one in servers or (self.server,))
        mirrors = Mirrors(addresses=addresses, origin="test")
        return Library(downloader=self.downloader, mirrors=mirrors, directory=self.directory, now=now)


@pytest.fixture
def site(archive: Archive, serve: Serve, connect: Connect, tmp_path: Path) -> Site:
    archive.add_package("alpha", "1.0-1", "armhf", b"old")
    archive.add_package("alpha", "1.0-1+deb12u1", "armhf", b"new")
    archive.add_package("alphabet", "7", "armhf")
    archive.add_package("beta", "2:3.1", "armhf")
    archive.add_source("seccomp", "2.6.0-2", {"seccomp_2.6.0-2.dsc": b"dsc", "seccomp_2.6.0.orig.tar.gz": b"source"})
    archive.publish()
    directory = tmp_path / "indexes"
    directory.mkdir()
    return Site(
        archive=archive,
        server=serve(archive.root.parent),
        repository=Repository(suite="stable", keyring=archive.keyring),
        downloader=connect(),
        directory=directory,
    )


def wanted(repository: Repository, name: str = "alpha", architecture: str = "armhf", **more: str) -> Wanted:
    return Wanted(name=name, architecture=architecture, repositories=(repository,), **more)


def test_from_names_to_verified_files(site: Site, tmp_path: Path) -> None:
    library = site.library()
    pins = resolve_pins(
        [
            wanted(site.repository),
            wanted(site.repository, "beta"),
            wanted(site.repository, "alpha", version="1.0-1"),
            wanted(site.repository, "seccomp", "source", files="*.orig.tar.?z"),
        ],
        library,
    )
    assert [(pin.name, pin.version, pin.architecture, pin.path) for pin in pins] == [
        ("alpha", "1.0-1+deb12u1", "armhf", "pool/main/a/alpha/alpha_1.0-1+deb12u1_armhf.deb"),
        ("beta", "2:3.1", "armhf", "pool/main/b/beta/beta_3.1_armhf.deb"),
        ("alpha", "1.0-1", "armhf", "pool/main/a/alpha/alpha_1.0-1_armhf.deb"),
        ("seccomp", "2.6.0-2", "source", "pool/main/s/seccomp/seccomp_2.6.0.orig.tar.gz"),
    ]
    assert [path for path, _ in site.server.asked].count(INDEX) == 1
    again = [PinnedFile.model_validate_json(pin.model_dump_json()) for pin in pins]
    files = [
        fetch_pinned(pin, [f"{site.server.url}/debian"], tmp_path, library.downloader, partials=tmp_path / "partial")
        for pin in again
    ]
    assert files[3].read_bytes() == b"source"
    extract_files(files[0], {"/usr/share/alpha": tmp_path / "alpha"})
    assert (tmp_path / "alpha").read_bytes() == b"new"


def test_an_index_that_is_there_is_not_fetched_again(site: Site) -> None:
    assert resolve_pins([wanted(site.repository)], site.library()) == resolve_pins(
        [wanted(site.repository)], site.library()
    )
    assert [path for path, _ in site.server.asked] == [RELEASE, INDEX, RELEASE]


def test_a_damaged_index_in_the_directory_is_fetched_again(site: Site, tmp_path: Path) -> None:
    pins = resolve_pins([wanted(site.repository)], site.library())
    (kept,) = (tmp_path / "indexes").glob("*.xz")
    kept.write_bytes(b"damaged")
    assert resolve_pins([wanted(site.repository)], site.library()) == pins


def test_indexes_are_found_under_their_digests(site: Site) -> None:
    site.archive.index_path("armhf").unlink()
    site.archive.publish(by_hash=True)
    assert resolve_pins([wanted(site.repository)], site.library())
    assert INDEX not in [path for path, _ in site.server.asked]


def test_the_newest_of_several_repositories_is_taken(site: Site) -> None:
    security = Archive(root=site.server.root / "debian-security", signer=site.archive.signer, suite="stable-security")
    security.add_package("alpha", "1.0-1+deb12u2", "armhf")
    security.add_package("beta", "3.1", "armhf")
    security.publish()
    more = Repository(archive="debian-security", suite="stable-security", keyring=security.keyring)
    both = [Wanted(name=name, architecture="armhf", repositories=(site.repository, more)) for name in ("alpha", "beta")]
    pins = resolve_pins(both, site.library())
    assert [(pin.archive, pin.version) for pin in pins] == [("debian-security", "1.0-1+deb12u2"), ("debian", "2:3.1")]


def test_a_repository_may_have_its_own_mirrors(site: Site, connect: Connect, tmp_path: Path) -> None:
    own = Repository(suite="stable", keyring=site.archive.keyring, mirrors=(f"file://{site.archive.root}",))
    library = Library(downloader=connect(), mirrors=None, directory=tmp_path, now=NOW)
    assert [pin.version for pin in resolve_pins([wanted(own, "beta")], library)] == ["2:3.1"]


def test_an_index_is_read_for_some_names_or_for_all(site: Site) -> None:
    library = site.library()
    release = library.release(site.repository)
    assert [one.name for one in find_packages(library, release, "armhf", ["alpha", "no"])] == ["alpha", "alpha"]
    packages = list(find_packages(library, release, "armhf"))
    assert [one.name for one in packages] == ["alpha", "alpha", "alphabet", "beta"]
    assert packages[3].fields["description"] == "a sample\nof a package"


def test_everything_that_is_missing_is_told_at_once(site: Site) -> None:
    some = [
        wanted(site.repository, "alph"),
        wanted(site.repository),
        wanted(site.repository, version="9"),
        wanted(site.repository, "x", "source"),
    ]
    some += [wanted(site.repository, "seccomp", "source", files="*.xz")]
    with pytest.raises(RecipeError, match="does not have everything") as error:
        resolve_pins(some, site.library())
    where = "not in stable of debian"
    assert error.value.details == (
        f"alph (armhf): {where}", f"alpha 9 (armhf): {where}", f"x (source): {where}", f"seccomp (source): {where}",
    )  # fmt: skip


def test_an_architecture_that_the_suite_lacks_is_told(site: Site) -> None:
    with pytest.raises(RecipeError, match="no index of main for riscv64"):
        resolve_pins([wanted(site.repository, architecture="riscv64")], site.library())


def test_an_altered_release_is_not_believed(site: Site, serve: Serve) -> None:
    good = serve(site.archive.root.parent)
    altered = site.archive.release_path.read_bytes().replace(b"stable", b"stabel")
    site.server.faults[RELEASE] = [Fault(content=altered)] * 2
    with pytest.raises(VerificationError) as error:
        resolve_pins([wanted(site.repository)], site.library())
    told = "the Release file of stable of debian has no good signature by a key that is trusted for it"
    assert error.value.details[0] == f"{site.server.url}{RELEASE}: {told}"
    assert "altered on its way" in error.value.hint
    assert resolve_pins([wanted(site.repository)], site.library(site.server, good))


def test_a_stranger_cannot_sign(site: Site) -> None:
    site.archive.sign(
        b"Codename: stable\nDate: Sat, 31 Jan 2026 12:00:00 UTC\n", pysequoia.Tsk.generate(user_id="Stranger")
    )
    with pytest.raises(VerificationError, match="trusted: "):
        resolve_pins([wanted(site.repository)], site.library())


def test_another_index_than_the_signed_one_is_not_read(site: Site) -> None:
    content = (site.server.root / INDEX.strip("/")).read_bytes()
    site.server.faults[INDEX] = [Fault(content=content[:-1] + b"?")]
    with pytest.raises(VerificationError, match="instead of sha256:"):
        resolve_pins([wanted(site.repository)], site.library())


def test_a_mirror_in_the_middle_of_an_update_is_left_for_the_next(site: Site, serve: Serve) -> None:
    good = serve(site.archive.root.parent)
    site.server.faults[INDEX] = [Fault(status=HTTPStatus.NOT_FOUND)]
    assert resolve_pins([wanted(site.repository)], site.library(site.server, good))
    assert [path for path, _ in good.asked] == [INDEX]


def test_dates_are_judged_unless_old_ones_are_allowed(site: Site) -> None:
    site.archive.release["Valid-Until"] = "Sat, 07 Feb 2026 12:00:00 UTC"
    site.archive.publish()
    later = DATE + timedelta(days=8)
    assert resolve_pins([wanted(site.repository)], site.library())
    with pytest.raises(VerificationError, match="was valid until 2026-02-07 12:00 UTC only"):
        resolve_pins([wanted(site.repository)], site.library(now=later))
    old = Repository(suite="stable", keyring=site.archive.keyring, old=True)
    assert resolve_pins([wanted(old)], site.library(now=later))
    with pytest.raises(VerificationError, match="is this machine's clock right"):
        resolve_pins([wanted(site.repository)], site.library(now=DATE - timedelta(days=2)))


def test_a_snapshot_may_be_signed_with_a_key_that_has_expired_since(site: Site) -> None:
    brief = pysequoia.Tsk.generate(user_id="Sample archive", validity_seconds=3600)
    site.archive.signer = brief
    site.archive.publish()
    later = datetime.now(UTC) + timedelta(days=30)
    old = Repository(suite="stable", keyring=site.archive.keyring, old=True)
    assert resolve_pins([wanted(old)], site.library(now=later))
    with pytest.raises(VerificationError, match="has expired"):
        resolve_pins([wanted(replace(old, old=False))], site.library(now=later))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"Codename: other\nSuite: oldstable\n", "it calls itself other or oldstable"),
        (b"Codename: stable\n", "the field Date is missing"),
        (b"Codename: stable\nDate: soon\n", "has the date 'soon', which is none"),
        (b"no fields", "is no field"),
        (b"", "is that of another suite"),
    ],
)
def test_signed_nonsense_is_told(text: bytes, message: str, site: Site) -> None:
    site.archive.sign(text)
    with pytest.raises(BuilderError, match=message):
        resolve_pins([wanted(site.repository)], site.library())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Size: ", "Size: -", "is no size in bytes"),
        ("SHA256: ", "SHA256: 0", "is no SHA-256 digest"),
        ("Filename: pool", "Filename: ../pool", "below the archive's base address"),
        ("Version: 1.0-1\n", "", "package alpha: the field Version is missing"),
    ],
)
def test_signed_damage_in_an_index_is_told(old: str, new: str, message: str, site: Site) -> None:
    site.archive.packages["armhf"] = [stanza.replace(old, new) for stanza in site.archive.packages["armhf"]]
    site.archive.publish()
    with pytest.raises(BuilderError, match=message):
        resolve_pins([wanted(site.repository)], site.library())


def test_a_pin_is_fetched_from_the_mirror_that_has_it(site: Site, serve: Serve, tmp_path: Path) -> None:
    library = site.library()
    (pin,) = resolve_pins([wanted(site.repository, "beta")], library)
    good = serve(site.archive.root.parent)
    site.server.faults[f"/debian/{pin.path}"] = [Fault(status=HTTPStatus.NOT_FOUND), Fault(sent_bytes=10)]
    bases = [f"{site.server.url}/debian", f"{good.url}/debian"]
    assert (
        fetch_pinned(pin, bases, tmp_path, library.downloader, partials=tmp_path / "partial").name
        == "beta_3.1_armhf.deb"
    )
    assert good.asked == [(f"/debian/{pin.path}", "")]
    (tmp_path / "beta_3.1_armhf.deb").unlink()
    fetch_pinned(pin, bases, tmp_path, library.downloader, partials=tmp_path / "partial")
    assert site.server.asked[-1] == (f"/debian/{pin.path}", "bytes=10-")

import pytest

from builder.core.errors import BuilderError
from builder.debian.relations import Relation
from builder.debian.universe import Universe
from tests.unit.debian.universes import stanza, universe


def names(packages: Universe, relation: Relation) -> list[str]:
    return [one.name for one in packages.choices(relation)]


def test_the_newest_of_all_suites_wins_unless_a_version_is_named() -> None:
    stanzas = [
        ("debian", stanza("aa", "1.0~rc1")),
        ("debian-security", stanza("aa", "1.0+deb12u1")),
        ("debian", stanza("aa")),
    ]
    newest = Universe("armhf", stanzas).candidate("aa")
    assert newest
    assert (newest.version, newest.archive, newest.pin.archive) == ("1.0+deb12u1", "debian-security", "debian-security")
    named = Universe("armhf", stanzas, {"aa": "1.0"}).candidate("aa")
    assert named
    assert named.version == "1.0"
    assert Universe("armhf", stanzas, {"aa": "2.0"}).candidate("aa") is None


def test_of_equal_versions_the_first_archive_has_it() -> None:
    found = Universe("armhf", [("first", stanza("a")), ("second", stanza("a"))]).candidate("a")
    assert found
    assert found.archive == "first"


def test_a_relation_means_the_package_itself_and_then_what_provides_it() -> None:
    packages = universe(
        stanza("zeta", provides="mta", priority="standard"),
        stanza("alpha", provides="x,\n mta (= 2.0)", priority="optional"),
        stanza("mta", "3.0"),
        stanza("other", description="Provides: mta"),
    )
    assert names(packages, Relation(name="mta")) == ["mta", "zeta", "alpha"]
    assert names(packages, Relation(name="mta", sign="<=", version="2.0")) == ["alpha"]
    assert names(packages, Relation(name="mta", sign="=", version="3.0")) == ["mta"]
    assert names(packages, Relation(name="none")) == []


def test_what_an_older_version_provided_is_not_there() -> None:
    packages = universe(stanza("a", "1.0", provides="virtual"), stanza("a", "2.0"))
    assert names(packages, Relation(name="virtual")) == []


def test_any_architecture_is_an_answer_only_where_the_package_allows_it() -> None:
    packages = universe(
        stanza("python3", multi_arch="allowed"),
        stanza("perl", multi_arch="foreign"),
        stanza("data", architecture="all"),
    )
    assert names(packages, Relation(name="python3", architecture="any")) == ["python3"]
    assert names(packages, Relation(name="perl", architecture="any")) == []
    assert names(packages, Relation(name="perl", architecture="armhf")) == ["perl"]
    assert names(packages, Relation(name="data", architecture="armhf")) == ["data"]
    assert names(packages, Relation(name="perl", architecture="amd64")) == []


def test_every_system_has_what_is_essential_or_required() -> None:
    packages = universe(
        stanza("dash", essential="yes", priority="optional"),
        stanza("tzdata", priority="required"),
        stanza("vim", priority="important"),
        stanza("old", "1.0", priority="required"),
        stanza("old", "2.0", priority="optional"),
    )
    assert [one.name for one in packages.base] == ["dash", "tzdata"]
    assert [one.name for one in packages.base if one.is_essential] == ["dash"]


def test_the_nearest_name_is_like_the_mistyped_one() -> None:
    packages = universe(stanza("openssh-server"), stanza("openssh-client"), stanza("curl"), stanza("nftables"))
    assert packages.nearest("opensh-server") == "openssh-server"
    assert packages.nearest("crul") == "curl"
    assert packages.nearest("mysql-server") == ""


def test_fields_may_stand_in_any_order() -> None:
    moved = b"Version: 7\nArchitecture: all\npackage: a\n" + stanza("x").partition(b"armhf\n")[2]
    found = universe(moved).candidate("a")
    assert found
    assert found.version == "7"


def test_a_stanza_of_no_package_is_told() -> None:
    with pytest.raises(BuilderError, match="the index of debian for armhf has a stanza without the name"):
        universe(b"Version: 1\n")


def test_a_wrong_relation_is_told_with_its_package() -> None:
    with pytest.raises(BuilderError, match="package a, Depends: 'b c' is no relation") as error:
        universe(stanza("a", depends="b c")).candidate("a")
    assert "pre-" not in str(error.value)

from pathlib import Path

import pytest

from builder.core.errors import BuilderError, MissingToolError
from builder.debian.mirrors import MIRROR_VARIABLE, Mirrors, find_mirrors, named_for, shown

ONE_LINE = """
# deb http://commented.example/debian trixie main
deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] http://one.example/debian/ trixie main contrib # why
deb-src http://one.example/debian trixie main
deb http://one.example/debian-security trixie-security main
deb https://other.example/linux/debian trixie stable
deb cdrom:[Debian]/ trixie main
deb [broken
"""
DEB822 = """# by hand
Types: deb deb-src
URIs: https://two.example/debian
# a comment in between
 https://three.example/debian
Suites: trixie
Components: main

Types: deb
URIs: https://off.example/debian
Suites: trixie
Components: main
Enabled: no

Types: deb
URIs: https://vendor.example/debian
Suites: trixie
Components: stable
"""


@pytest.fixture
def apt(tmp_path: Path) -> Path:
    directory = tmp_path / "apt"
    (directory / "sources.list.d").mkdir(parents=True)
    return directory


def test_the_environment_comes_first_then_the_recipe_then_apt(apt: Path) -> None:
    (apt / "sources.list").write_text(ONE_LINE)
    environment = {MIRROR_VARIABLE: " http://a.example/debian/  file:///srv/debian "}
    recipe = ["http://recipe.example/debian"]
    assert find_mirrors(environment, recipe, apt=apt).addresses == ("http://a.example/debian", "file:///srv/debian")
    assert find_mirrors({}, recipe, apt=apt).addresses == ("http://recipe.example/debian",)
    assert find_mirrors({}, [], apt=apt).addresses == (
        "http://one.example/debian",
        "http://one.example/debian-security",
    )
    assert find_mirrors({}, [], apt=apt).origin == str(apt)


def test_both_forms_of_apt_sources_are_read(apt: Path) -> None:
    (apt / "sources.list").write_text(ONE_LINE)
    (apt / "sources.list.d" / "debian.sources").write_text(DEB822)
    (apt / "sources.list.d" / "off.list.disabled").write_text("deb http://disabled.example/debian trixie main\n")
    assert find_mirrors({}, [], apt=apt).of_archive("debian") == (
        "http://one.example/debian",
        "https://two.example/debian",
        "https://three.example/debian",
    )


def test_a_list_of_mirrors_is_followed(apt: Path, tmp_path: Path) -> None:
    listed = tmp_path / "debian.list"
    listed.write_text("# first\nhttps://listed.example/debian priority:1\n\n")
    (apt / "sources.list.d" / "x.sources").write_text(
        f"Types: deb\nURIs: mirror+file:{listed} mirror+file:/not/there\nSuites: trixie\nComponents: main\n"
    )
    assert find_mirrors({}, [], apt=apt).addresses == ("https://listed.example/debian",)


def test_nobody_names_a_mirror(apt: Path) -> None:
    with pytest.raises(MissingToolError, match="no mirror of Debian's archive") as error:
        find_mirrors({}, [], apt=apt / "missing")
    assert MIRROR_VARIABLE in error.value.hint


@pytest.mark.parametrize("address", ["ftp://x.example/debian", "x.example/debian", "https://", "http://[x/debian"])
def test_addresses_of_another_kind_are_refused_without_their_passwords(address: str, apt: Path) -> None:
    with pytest.raises(BuilderError, match="whose address is none") as error:
        find_mirrors({MIRROR_VARIABLE: address.replace("//", "//me:geheim@")}, [], apt=apt)
    assert "geheim" not in str(error.value)


def test_other_archives_lie_beside_the_main_one() -> None:
    mirrors = Mirrors(addresses=("http://a.example/debian", "file:///srv/proxy/apt"), origin="test")
    assert mirrors.of_archive("debian") == mirrors.addresses
    assert mirrors.of_archive("debian-security") == ("http://a.example/debian-security",)
    named = Mirrors(addresses=("http://a.example/debian", "http://b.example/debian-security"), origin="test")
    assert named.of_archive("debian") == ("http://a.example/debian",)
    assert named.of_archive("debian-security") == ("http://b.example/debian-security",)
    with pytest.raises(MissingToolError, match="no mirror of debian-security"):
        Mirrors(addresses=("file:///srv/proxy/apt",), origin="test").of_archive("debian-security")


def test_passwords_are_not_shown() -> None:
    assert shown("https://me:secret@a.example:8080/debian?token=x") == "https://a.example:8080/debian"


def test_a_mirror_of_another_archive_is_the_one_with_its_name() -> None:
    named = "https://one.example/debian https://one.example/vendor/ file:///kept/vendor"
    environment = {MIRROR_VARIABLE: named}
    assert named_for(environment, "vendor") == ("https://one.example/vendor", "file:///kept/vendor")
    assert named_for(environment, "other") == ()
    assert named_for({}, "vendor") == ()

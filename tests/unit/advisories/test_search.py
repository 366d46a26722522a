"""What databases say of products: ranges, releases, severities, statements."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from builder.advisories.databases import search
from builder.advisories.model import Advisory, Product, Severity, product_of
from builder.advisories.versions import is_affected
from builder.advisories.vex import Status, read_statements
from builder.core.errors import RecipeError

NET = "pkg:golang/golang.org/x/net@v0.20.0"
OPENSSL = "pkg:deb/debian/libssl3t64@3.5.1-1?arch=amd64&distro=trixie&upstream=openssl"
REBUILT = "pkg:deb/debian/bash@5.2.37-2%2Bb8?arch=amd64&distro=trixie&upstream=bash%405.2.37-2"


def products(*purls: str) -> list[Product]:
    return [product for purl in purls if (product := product_of(purl))]


def osv(identity: str = "GO-2026-1", **changed: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    events = [{"introduced": "0"}, {"fixed": "0.23.0"}]
    affected = {
        "package": {"ecosystem": "Go", "name": "golang.org/x/net"},
        "ranges": [{"type": "SEMVER", "events": events}],
    }
    return {"id": identity, "summary": "A stall\nmore", "aliases": ["CVE-2026-1"], "affected": [affected], **changed}


TRACKER = {
    "openssl": {
        "CVE-2026-7": {
            "description": "An overflow",
            "releases": {
                "trixie": {"status": "resolved", "fixed_version": "3.5.1-1+deb13u1", "urgency": "high**"},
                "bookworm": {"status": "open", "urgency": "low"},
            },
        },
        "CVE-2026-8": {"releases": {"trixie": {"status": "resolved", "fixed_version": "0", "urgency": "low"}}},
        "CVE-2026-9": {"releases": {"trixie": {"status": "open", "urgency": "unimportant"}}},
    },
    "bash": {
        "CVE-2026-3": {"releases": {"trixie": {"status": "resolved", "fixed_version": "5.2.37-2", "urgency": "low"}}}
    },
}


def found(tmp_path: Path, *documents: Any, purls: tuple[str, ...] = (NET, OPENSSL, REBUILT)) -> list[Advisory]:  # noqa: ANN401 - JSON
    files = []
    for number, document in enumerate(documents):
        files.append(tmp_path / f"{number}.json")
        files[-1].write_text(json.dumps(document))
    return search(files, products(*purls))


def test_products_are_called_as_databases_call_them() -> None:
    net, openssl, bash = products(NET, OPENSSL, REBUILT)
    assert (net.ecosystem, net.name, net.version) == ("Go", "golang.org/x/net", "v0.20.0")
    assert (openssl.ecosystem, openssl.name, openssl.release) == ("Debian", "openssl", "trixie")
    assert (bash.name, bash.version, bash.package) == ("bash", "5.2.37-2", "bash")
    assert product_of("pkg:golang/stdlib@1.26.8") == Product(
        ecosystem="Go", name="stdlib", version="1.26.8", release="", package="stdlib", purl="pkg:golang/stdlib@1.26.8"
    )
    assert product_of("pkg:oci/pause@1?arch=arm") is None


FIXED = (True, "1.10.2")


@pytest.mark.parametrize(
    ("version", "events", "expected"),
    [
        ("v1.2.3", [{"introduced": "0"}, {"fixed": "1.2.4"}], (True, "1.2.4")),
        ("v1.2.4", [{"introduced": "0"}, {"fixed": "1.2.4"}], (False, "")),
        ("v1.2.4-0.20260101000000-abcdefabcdef", [{"introduced": "0"}, {"fixed": "1.2.4"}], (True, "1.2.4")),
        ("v2.0.0+incompatible", [{"introduced": "2.0.0"}], (True, "")),
        (
            "v1.10.0",
            [{"introduced": "1.9.0"}, {"fixed": "1.9.5"}, {"introduced": "1.10.0"}, {"fixed": "1.10.2"}],
            (True, "1.10.2"),
        ),
        (
            "v1.9.9",
            [{"introduced": "1.10.0"}, {"fixed": "1.10.2"}, {"introduced": "1.9.0"}, {"fixed": "1.9.5"}],
            (False, ""),
        ),
        ("v1.0.0", [{"introduced": "0"}, {"last_affected": "1.0.0"}], (True, "")),
        ("v1.0.1", [{"introduced": "0"}, {"last_affected": "1.0.0"}], (False, "")),
        ("1.26.8", [{"introduced": "1.26.0-0"}, {"fixed": "1.26.9"}], (True, "1.26.9")),
        ("v1.0.0", [{"introduced": "1.0.1"}], (False, "")),
    ],
)
def test_ranges_of_modules(version: str, events: list[dict[str, str]], expected: tuple[bool, str]) -> None:
    assert is_affected("Go", version, list(events)) == expected


@pytest.mark.parametrize(
    ("version", "hit"), [("3.5.1-1", True), ("3.5.1-1+deb13u1", False), ("3.5.1~rc1-1", True), ("1:1.0-1", False)]
)
def test_ranges_of_packages(version: str, hit: bool) -> None:
    assert is_affected("Debian", version, [{"introduced": "0"}, {"fixed": "3.5.1-1+deb13u1"}])[0] is hit


def test_osv_and_the_tracker_are_read(tmp_path: Path) -> None:
    told = [
        (one.identity, str(one.severity), one.fixed, one.product.package) for one in found(tmp_path, osv(), TRACKER)
    ]
    assert told == [
        ("CVE-2026-7", "high", "3.5.1-1+deb13u1", "libssl3t64"),
        ("GO-2026-1", "unknown", "0.23.0", "golang.org/x/net"),
        ("CVE-2026-9", "none", "", "libssl3t64"),
    ]


def test_debians_releases_are_kept_apart(tmp_path: Path) -> None:
    (one,) = found(tmp_path, TRACKER, purls=(OPENSSL.replace("trixie", "bookworm"),))
    assert (one.severity, one.fixed) == (Severity.LOW, "")
    events = [{"introduced": "0"}]
    affected = {
        "package": {"ecosystem": "Debian:12", "name": "openssl"},
        "ranges": [{"type": "ECOSYSTEM", "events": events}],
    }
    assert found(tmp_path, osv(affected=[affected]), purls=(OPENSSL,)) == []


@pytest.mark.parametrize(
    ("told", "severity"),
    [
        (
            {"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]},
            Severity.CRITICAL,
        ),
        ({"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"}]}, Severity.LOW),
        (
            {
                "severity": [
                    {"type": "CVSS_V4", "score": "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"}
                ]
            },
            Severity.CRITICAL,
        ),
        ({"severity": [{"type": "CVSS_V3", "score": "rubbish"}]}, Severity.UNKNOWN),
        ({"database_specific": {"severity": "MODERATE"}}, Severity.MEDIUM),
        ({}, Severity.UNKNOWN),
    ],
)
def test_severities(tmp_path: Path, told: dict[str, Any], severity: Severity) -> None:
    (one,) = found(tmp_path, osv(**told))
    assert one.severity is severity


def test_databases_that_mean_the_same_tell_it_once(tmp_path: Path) -> None:
    other = osv("GHSA-1", aliases=["CVE-2026-1"], database_specific={"severity": "HIGH"})
    (one,) = found(tmp_path, [osv(), other])
    assert (one.severity, sorted(one.names)) == (Severity.HIGH, ["CVE-2026-1", "GHSA-1", "GO-2026-1"])


def test_withdrawn_entries_and_other_packages_count_for_nothing(tmp_path: Path) -> None:
    assert found(tmp_path, osv(withdrawn="2026-01-01T00:00:00Z"), {"vulns": []}) == []
    assert found(tmp_path, osv(), purls=("pkg:golang/golang.org/x/text@v0.1.0",)) == []


def test_an_export_is_a_zip_or_a_directory(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("GO-2026-1.json", json.dumps(osv()))
    (tmp_path / "entries/deep").mkdir(parents=True)
    (tmp_path / "entries/deep/GO-2026-1.json").write_text(json.dumps(osv()))
    for database in (tmp_path / "all.zip", tmp_path / "entries"):
        assert len(search([database], products(NET))) == 1


def test_all_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    (tmp_path / "b.json").write_text('{"no": "id"}')
    ranges = [{"type": "SEMVER", "events": [{"introduced": "?"}]}]
    wrong = osv(affected=[{"package": {"ecosystem": "Go", "name": "golang.org/x/net"}, "ranges": ranges}])
    (tmp_path / "c.json").write_text(json.dumps(wrong))
    with pytest.raises(RecipeError) as raised:
        search([tmp_path], products(NET))
    assert [str(line).partition(":")[0][-6:] for line in raised.value.details] == ["a.json", "b.json", "c.json"]
    with pytest.raises(RecipeError, match="No such file"):
        search([tmp_path / "none"], products(NET))


def vex(*statements: dict[str, Any]) -> str:
    document = {
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": "x", "author": "a", "timestamp": "2026-01-01T00:00:00Z",
        "version": 1, "statements": statements,
    }  # fmt: skip
    return json.dumps(document)


def statement(product: str, status: str = "not_affected", **more: str) -> dict[str, Any]:
    told = {"impact_statement": "never called"} if status == "not_affected" else {}
    return {"vulnerability": {"name": "CVE-2026-1"}, "products": [{"@id": product}], "status": status, **told, **more}


@pytest.mark.parametrize(
    ("product", "about"),
    [
        (NET, True),
        ("pkg:golang/golang.org/x/net", True),
        ("pkg:golang/golang.org/x/net@v0.21.0", False),
        ("pkg:golang/golang.org/x/text", False),
        ("pkg:golang/golang.org/x/net?type=module", False),
        ("rubbish", False),
    ],
)
def test_statements_are_about_what_they_name(tmp_path: Path, product: str, about: bool) -> None:
    (tmp_path / "vex.json").write_text(vex(statement(product)))
    (advisory,) = found(tmp_path, osv())
    told = read_statements([tmp_path / "vex.json"]).about(advisory)
    assert (told is not None) is about


def test_the_newest_statement_counts(tmp_path: Path) -> None:
    (tmp_path / "vex.json").write_text(vex(statement(NET), statement(NET, "affected")))
    (advisory,) = found(tmp_path, osv())
    told = read_statements([tmp_path / "vex.json"]).about(advisory)
    assert told is not None
    assert told.status is Status.AFFECTED


def test_statements_that_are_none_are_told_all_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    (tmp_path / "b.json").write_text(vex({**statement(NET), "impact_statement": ""}))
    (tmp_path / "c.json").write_text(vex(statement(NET, "fine")))
    (tmp_path / "d.json").write_text(vex().replace("openvex.dev", "example.org"))
    with pytest.raises(RecipeError) as raised:
        read_statements(sorted(tmp_path.glob("*.json")))
    text = "\n".join(raised.value.details)
    for expected in (
        "a.json: it is no JSON",
        "needs a justification",
        "statements.0.status",
        "d.json: @context",
        "d.json: statements",
    ):
        assert expected in text

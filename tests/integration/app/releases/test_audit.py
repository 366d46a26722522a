"""`builder audit`: what is known of a release, where to change it, and when it fails."""

import io
import json
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.integration.app.driver import Result
from tests.integration.app.releases.conftest import SECOND, Published
from tests.integration.docs.commands import ROOT

_STATEMENT = re.compile(r"^```json\n(\{\n  \"@context\".*?)^```", re.MULTILINE | re.DOTALL)


def entry(identity: str, package: str, fixed: str, word: str = "HIGH") -> dict[str, Any]:
    events = [{"introduced": "0"}, *([{"fixed": fixed}] if fixed else [])]
    affected = {"package": {"ecosystem": "Go", "name": package}, "ranges": [{"type": "SEMVER", "events": events}]}
    return {"id": identity, "summary": "It stalls", "affected": [affected], "database_specific": {"severity": word}}


def exported(entries: Sequence[dict[str, Any]]) -> bytes:
    """An export as OSV has them."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for one in entries:
            archive.writestr(f"{one['id']}.json", json.dumps(one))
    return data.getvalue()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "all.zip"
    path.write_bytes(
        exported([entry("GO-1", "example.org/greeting", "1.0.1"), entry("GO-2", "stdlib", "1.99.0", "LOW")])
    )
    return path


def audit(published: Published, database: Path, *options: str) -> Result:
    release = str(published.releases / SECOND)
    return published.builder.run("audit", release, "--database", str(database), *options)


def test_what_to_change_is_told(published: Published, database: Path) -> None:
    done = audit(published, database)
    assert done.code == 4
    assert done.out == (
        "high  example.org/greeting v1.0.0: GO-1\n"
        "    It stalls\n"
        "    in tiny-amd64, tiny-armv7\n"
        "    fixed in 1.0.1\n"
        "    recipes/cluster/tiny.yaml:8:16\n"
        "    set cluster.components.greeting.version to v1.0.1, then: builder lock --update\n"
        "low  stdlib 1.26.8: GO-2\n"
        "    It stalls\n"
        "    in tiny-amd64, tiny-armv7\n"
        "    fixed in 1.99.0\n"
        "    recipes/toolchains.yaml:4:7\n"
        "    set toolchains.go to 1.99.0, then: builder lock --update\n"
    )
    assert "2 findings to look at" in done.err


@pytest.mark.parametrize(("threshold", "code"), [("low", 4), ("medium", 4), ("high", 4), ("critical", 0), ("never", 0)])
def test_the_exit_code_follows_the_severity(published: Published, database: Path, threshold: str, code: int) -> None:
    assert audit(published, database, "--fail-on", threshold).code == code


def test_statements_settle_findings(published: Published, database: Path, tmp_path: Path) -> None:
    (text,) = _STATEMENT.findall((ROOT / "docs/guides/releases.md").read_text())
    statement = tmp_path / "vex.json"
    statement.write_text(text.replace("CVE-2026-0001", "GO-1").replace("golang.org/x/net", "example.org/greeting"))
    done = audit(published, database, "--vex", str(statement))
    assert (done.code, "example.org/greeting" in done.out) == (0, False)
    assert "1 finding to look at, 1 settled by statements" in done.err
    told = json.loads(audit(published, database, "--vex", str(statement), "--json").out)
    assert [(one["id"], one["open"], one["why"]) for one in told] == [
        ("GO-1", False, "vulnerable code not in execute path"),
        ("GO-2", True, ""),
    ]
    kept = published.builder.checkout.root / "recipes/vex/one.json"
    kept.parent.mkdir()
    kept.write_text(statement.read_text())
    try:
        assert audit(published, database).code == 0
    finally:
        kept.unlink()
        kept.parent.rmdir()


def test_what_cannot_be_read_is_told(published: Published, tmp_path: Path) -> None:
    (tmp_path / "rubbish.json").write_text("{")
    done = audit(published, tmp_path / "rubbish.json")
    assert (done.code, "rubbish.json: JSONDecodeError" in done.err) == (2, True)
    done = published.builder.run("audit", str(tmp_path), "--database", str(tmp_path))
    assert (done.code, "sbom.cdx.json: No such file" in done.err) == (2, True)

from pathlib import Path

import pytest

from builder.gobuild.sums import archive_sum, go_mod_sum
from tests.integration.app.gomodule import greeting

MODULE = greeting("v1.0.0", "hello")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    (tmp_path / "v1.0.0.zip").write_bytes(MODULE.archive)
    return tmp_path / "v1.0.0.zip"


def pinned(*, go_mod: bool) -> str:
    lines = MODULE.sums.splitlines()
    return lines[1 if go_mod else 0].split()[2]


def test_sums_are_those_of_go_sum(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "v1.0.0.mod").write_text(MODULE.files["go.mod"])
    assert archive_sum(archive) == pinned(go_mod=False)
    assert go_mod_sum(tmp_path / "v1.0.0.mod") == pinned(go_mod=True)


def test_other_content_has_another_sum(archive: Path) -> None:
    other = greeting("v1.0.0", "malice")
    before = archive_sum(archive)
    archive.write_bytes(other.archive)
    assert archive_sum(archive) == other.sums.splitlines()[0].split()[2] != before


@pytest.mark.parametrize("content", [b"", b"no zip", MODULE.archive[:-30]], ids=["nothing", "no zip", "cut off"])
def test_what_is_no_whole_archive_has_no_sum(archive: Path, content: bytes) -> None:
    archive.write_bytes(content)
    assert archive_sum(archive) == ""


def test_a_damaged_member_has_no_sum(archive: Path) -> None:
    archive.write_bytes(MODULE.archive.replace(b"hello", b"hullo", 1))
    assert archive_sum(archive) == ""

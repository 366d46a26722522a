from pathlib import Path

import pytest

from builder.gobuild.diff import parse_diff

PATCHES = sorted((Path(__file__).parents[3] / "cluster" / "patches").glob("*"))


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.name)
def test_every_shipped_patch_can_be_read(patch: Path) -> None:
    changes = parse_diff(patch.read_text(), patch.name)
    assert changes
    assert len({change.target for change in changes}) == len(changes), "a file is patched once"


def test_there_are_patches() -> None:
    assert PATCHES

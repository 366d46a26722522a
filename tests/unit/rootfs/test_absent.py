"""What a script would work on must not be there: its effect stops the build."""

from pathlib import Path

import pytest

from builder.core.errors import BuilderError
from builder.rootfs.effects.files import Absent
from tests.unit.rootfs.images import small_image

SCHEMAS = Absent(pattern="/usr/share/schemas/*.xml", why="its tool alone compiles them")


def test_a_file_that_matches_is_named_with_the_way_out(tmp_path: Path) -> None:
    image = small_image(tmp_path)
    image.tree.write("usr/share/schemas/own.xml", "")
    with pytest.raises(BuilderError) as caught:
        SCHEMAS.apply(image, "lib")
    assert caught.value.brief == (
        "/usr/share/schemas/own.xml is there, and its tool alone compiles them; rootfs.engine: mmdebstrap runs the script"
    )


def test_without_one_nothing_happens(tmp_path: Path) -> None:
    image = small_image(tmp_path)
    image.tree.write("usr/share/schemas/own.dtd", "")
    before = dict(image.tree.nodes)
    SCHEMAS.apply(image, "lib")
    assert image.tree.nodes == before

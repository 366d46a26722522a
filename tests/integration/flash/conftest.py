"""What these tests need: loop devices and FUSE, so root and a kernel that has both."""

import os
from pathlib import Path

import pytest

from tests.integration.flash.loops import make_image


@pytest.fixture(autouse=True)
def _devices() -> None:
    if os.geteuid() != 0 or not Path("/dev/loop-control").exists() or not Path("/dev/fuse").exists():
        pytest.skip("loop devices and FUSE take root and a kernel with both")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An image with its block map."""
    path = tmp_path / "x.img"
    make_image(path)
    return path

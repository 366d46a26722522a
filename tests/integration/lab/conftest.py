"""A lab of two tiny machines, of which nothing is left when a test is over."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.core.errors import BuilderError
from builder.lab.end import end_lab
from tests.integration.lab.commands import Desk, write_pair


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = write_pair(tmp_path, f"test-{secrets.token_hex(4)}")
    yield desk
    if desk.place.path.exists():
        end_lab(desk.place)
    if left := desk.left():
        raise BuilderError("a lab was not ended", details=left)


@pytest.fixture
def running(desk: Desk) -> Desk:
    """The same, turned on."""
    started = desk.up()
    assert started.returncode == 0, started.stderr
    return desk

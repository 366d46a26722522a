"""The executable, and one control plane for tests that leave it as it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.components.conftest import kedge
from tests.integration.controller.controller import Controller, place, running_controller

__all__ = ["controller", "kedge"]


@pytest.fixture(scope="module")
def controller(kedge: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controller]:
    """A ready controller on kine and SQLite."""
    with running_controller(place(kedge, tmp_path_factory.mktemp("c"))) as running:
        yield running

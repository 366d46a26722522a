"""The executable under test and one control plane for all tests that only look at it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.components.controlplane import ControlPlane, running_control_plane


@pytest.fixture(scope="module")
def control_plane(kedge: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A running kine, API server, controller manager and scheduler."""
    with running_control_plane(kedge, tmp_path_factory.mktemp("cp")) as plane:
        yield plane

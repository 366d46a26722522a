"""The executable under test and one control plane for all tests that only look at it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.components.controlplane import ControlPlane, running_control_plane


@pytest.fixture(scope="session")
def kedge() -> Path:
    """The built executable: the environment variable KEDGE names it."""
    value = os.environ.get("KEDGE")
    if not value:
        pytest.fail("KEDGE is not set; it names the kedge executable to test, for example KEDGE=out/edge/amd64/kedge")
    path = Path(value).resolve()
    if not os.access(path, os.X_OK):
        pytest.fail(f"KEDGE={value} is not an executable file; build it first")
    return path


@pytest.fixture(scope="module")
def control_plane(kedge: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A running kine, API server, controller manager and scheduler."""
    with running_control_plane(kedge, tmp_path_factory.mktemp("cp")) as plane:
        yield plane

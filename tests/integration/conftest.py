"""The executable that all tests of kedge are about, one control plane of it, and the builder's session."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.app.project import find_project
from builder.app.session import Session, Settings
from tests.integration.controller.controller import Controller, place, running_controller


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
def controller(kedge: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controller]:
    """A ready controller on kine and SQLite, for tests that leave it as it was."""
    with running_controller(place(kedge, tmp_path_factory.mktemp("c"))) as running:
        yield running


@pytest.fixture(scope="session")
def session() -> Iterator[Session]:
    """The builder with the user's cache."""
    with Session(find_project(os.environ), Settings()) as session:
        yield session

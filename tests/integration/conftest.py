"""The executable that all tests of kedge are about, its helpers, one control plane of it, and the builder's session."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.app.project import find_project
from builder.app.session import Session, Settings
from builder.payload.reader import read_payload
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


@pytest.fixture(scope="session")
def helpers(kedge: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that the helpers are unpacked into, with `bin`, `cni`, `lib`."""
    payload = read_payload(kedge)
    if payload is None:
        pytest.fail(f"{kedge} carries no helpers; build it with ./builderw make")
    directory = tmp_path_factory.mktemp("payload") / "helpers"
    payload.extract(directory)
    return directory


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

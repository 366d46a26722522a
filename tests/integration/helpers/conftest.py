"""The helpers under test: those that the built kedge carries."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.payload.reader import read_payload
from tests.integration.helpers.network import Node, running_node


@pytest.fixture(scope="session")
def helpers(kedge: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that the helpers are unpacked into, with `bin`, `cni`, `lib`."""
    payload = read_payload(kedge)
    if payload is None:
        pytest.fail(f"{kedge} carries no helpers; build it with ./builderw make")
    directory = tmp_path_factory.mktemp("payload") / "helpers"
    payload.extract(directory)
    return directory


@pytest.fixture
def node(helpers: Path, tmp_path: Path) -> Iterator[Node]:
    with running_node(helpers, tmp_path) as node:
        yield node

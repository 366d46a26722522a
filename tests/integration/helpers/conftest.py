"""A node for the helpers under test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.helpers.network import Node, running_node


@pytest.fixture
def node(helpers: Path, tmp_path: Path) -> Iterator[Node]:
    with running_node(helpers, tmp_path) as node:
        yield node

"""What upstream has, built once."""

from pathlib import Path

import pytest

from tests.integration.conformance.upstream import Upstream, built_hollow_node, built_upstream

__all__ = ["hollow_node", "upstream"]


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Upstream:
    return built_upstream(tmp_path_factory.mktemp("upstream"))


@pytest.fixture(scope="session")
def hollow_node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_hollow_node(tmp_path_factory.mktemp("hollow"))

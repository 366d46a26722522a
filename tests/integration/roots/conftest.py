"""Roots of processes, each in namespaces of its own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.roots.root import Root, put
from tests.integration.roots.space import Space, making_space


@pytest.fixture(scope="session")
def kedge() -> Path:
    """The built executable: the environment variable KEDGE names it."""
    value = os.environ.get("KEDGE")
    if not value:
        pytest.fail("KEDGE is not set; it names the kedge executable to test, for example KEDGE=out/edge/amd64/kedge")
    return Path(value).resolve()


@pytest.fixture
def space() -> Iterator[Space]:
    with making_space() as space:
        yield space


@pytest.fixture
def empty(space: Space, kedge: Path, tmp_path: Path) -> Root:
    """A root with nothing but kedge: no /proc, no /dev, no /tmp, no /etc."""
    put(kedge, tmp_path / "root/kedge")
    return Root(directory=tmp_path / "root", space=space)

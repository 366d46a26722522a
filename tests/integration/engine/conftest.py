from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.io.files import remove_tree
from tests.integration.engine.process import ToyProcess
from tests.integration.engine.toy import Toy


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Path]:
    """A cache directory whose name is no friend of careless quoting."""
    place = tmp_path / "Ablage für alles"
    place.mkdir()
    yield place
    # Store entries are read-only, which pytest's own cleaning does not expect.
    remove_tree(place)


@pytest.fixture
def toy(cache: Path) -> Iterator[Toy]:
    builder = Toy(cache=cache)
    yield builder
    builder.close()


@pytest.fixture
def process(cache: Path) -> Iterator[ToyProcess]:
    started = ToyProcess(cache=cache)
    yield started
    started.end()

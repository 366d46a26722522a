"""A directory, and what runs programs in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.io.leash import Leash
from builder.io.spawn import Runner
from tests.integration.tools.bench import Workbench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    place = tmp_path / "bench"
    place.mkdir()
    with Leash() as leash:
        yield Workbench(runner=Runner(log=place / "log", leash=leash), place=place)

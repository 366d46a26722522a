from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.io.leash import Leash
from builder.io.spawn import Command, Runner

PATH = "/usr/local/bin:/usr/bin:/bin"


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    with Leash() as leash:
        yield Runner(log=tmp_path / "step.log", leash=leash)


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """A command to vary with `dataclasses.replace`."""
    return Command(argv=["true"], env={"PATH": PATH}, cwd=tmp_path)

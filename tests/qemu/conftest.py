"""Images of the recipe beside this file, and the tools to boot and to examine them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.app.project import find_project
from builder.app.session import Session, Settings
from builder.io.leash import Leash
from builder.io.spawn import Runner
from tests.qemu.lab import Lab, open_lab


@pytest.fixture(scope="session")
def session() -> Iterator[Session]:
    with Session(find_project(os.environ), Settings()) as session:
        yield session


@pytest.fixture
def lab(session: Session, tmp_path: Path) -> Iterator[Lab]:
    with Leash() as leash:
        yield open_lab(session, Runner(log=tmp_path / "tools.log", leash=leash), tmp_path)

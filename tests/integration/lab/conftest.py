"""A lab of two tiny machines, of which nothing is left when a test is over."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.app.run.start import tools_tree
from builder.app.session import Session
from builder.core.errors import BuilderError
from builder.image.filesystems import FilesystemMaker
from builder.io.leash import Leash
from builder.io.spawn import Runner
from builder.lab.end import end_lab
from tests.integration.fleet.conftest import EPOCH_S, Bench
from tests.integration.lab.commands import Desk, write_pair


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = write_pair(tmp_path, f"test-{secrets.token_hex(4)}")
    yield desk
    if desk.place.path.exists():
        end_lab(desk.place)
    if left := desk.left():
        raise BuilderError("a lab was not ended", details=left)


@pytest.fixture
def cards(session: Session, tmp_path: Path) -> Iterator[Bench]:
    """Images that can be provisioned, in which nothing starts, and programs that read them."""
    workspace = session.project.open("edge")
    with Leash() as leash:
        runner = Runner(log=tmp_path / "log", leash=leash)
        tools = tools_tree(session, workspace, "filesystem")
        yield Bench(maker=FilesystemMaker(tools=tools, runner=runner, epoch_s=EPOCH_S), directory=tmp_path)


@pytest.fixture
def running(desk: Desk) -> Desk:
    """The same, turned on."""
    started = desk.up()
    assert started.returncode == 0, started.stderr
    return desk

"""Tools and boot loaders for images, as the lock of the default recipe pins them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builder.app.session import Session
from builder.app.workspace import Workspace
from builder.core.arch import host_arch
from builder.image.filesystems import FilesystemMaker
from builder.io.leash import Leash
from builder.io.spawn import Runner
from builder.plan.tools import tools_step
from builder.toolchain.tree import ToolsTree

EPOCH_S = 1700000000


@pytest.fixture(scope="module")
def workspace(session: Session) -> Workspace:
    return session.project.open("edge")


@pytest.fixture(scope="module")
def tools(session: Session, workspace: Workspace) -> Callable[[str], ToolsTree]:
    """The tree of a set."""

    def tree(name: str) -> ToolsTree:
        step = tools_step(workspace.lock, host_arch(), name, workspace.loaded.recipe.debian)
        return ToolsTree(root=session.obtain(step), arch=host_arch())

    return tree


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    with Leash() as leash:
        yield Runner(log=tmp_path / "log", leash=leash)


@pytest.fixture
def maker(tools: Callable[[str], ToolsTree], runner: Runner) -> FilesystemMaker:
    return FilesystemMaker(tools=tools("filesystem"), runner=runner, epoch_s=EPOCH_S)

"""Images of the recipe beside this file, and the tools to boot and to examine them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.app.project import Workspace, find_project
from builder.app.session import Session, Settings
from builder.core.arch import host_arch
from builder.io.leash import Leash
from builder.io.spawn import Runner
from builder.plan.tools import tools_step
from builder.toolchain.tree import ToolsTree
from tests.qemu.lab import Lab

RECIPE = Path(__file__).parent / "recipe.yaml"


@pytest.fixture(scope="session")
def session() -> Iterator[Session]:
    with Session(find_project(os.environ), Settings()) as session:
        yield session


@pytest.fixture(scope="session")
def workspace(session: Session) -> Workspace:
    return session.project.open(str(RECIPE))


@pytest.fixture
def lab(session: Session, workspace: Workspace, tmp_path: Path) -> Iterator[Lab]:
    def tree(name: str) -> ToolsTree:
        step = tools_step(workspace.lock, host_arch(), name, workspace.loaded.recipe.debian)
        return ToolsTree(root=session.obtain(step), arch=host_arch())

    with Leash() as leash:
        yield Lab(
            session=session,
            workspace=workspace,
            qemu=tree("qemu"),
            filesystem=tree("filesystem"),
            runner=Runner(log=tmp_path / "tools.log", leash=leash),
            place=tmp_path,
        )

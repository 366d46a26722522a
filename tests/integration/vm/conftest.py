"""Machines for tests: QEMU out of the tree of tools."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builder.app.project import find_project
from builder.app.session import Session, Settings
from builder.core.arch import host_arch
from builder.io.leash import Leash
from builder.io.spawn import Runner
from builder.plan.tools import tools_step
from builder.toolchain.tree import ToolsTree
from builder.vm.machine import Bench

NewBench = Callable[[str], Bench]


@pytest.fixture(scope="session")
def tree() -> Iterator[Callable[[str], ToolsTree]]:
    """The tree of a set of tools."""
    with Session(find_project(os.environ), Settings()) as session:
        workspace = session.project.open("edge")

        def obtain(name: str) -> ToolsTree:
            step = tools_step(workspace.lock, host_arch(), name, workspace.loaded.recipe.debian)
            return ToolsTree(root=session.obtain(step), arch=host_arch())

        yield obtain


@pytest.fixture(scope="session")
def qemu(tree: Callable[[str], ToolsTree]) -> ToolsTree:
    """The tree with QEMU."""
    return tree("qemu")


@pytest.fixture
def new_bench(qemu: ToolsTree, tmp_path: Path) -> Iterator[NewBench]:
    """Makes directories of machines."""
    with Leash() as leash:

        def make(name: str) -> Bench:
            directory = tmp_path / name
            directory.mkdir()
            return Bench(directory=directory, tools=qemu, runner=Runner(log=directory / "qemu.log", leash=leash))

        yield make


@pytest.fixture
def bench(new_bench: NewBench) -> Bench:
    """The directory of one machine."""
    return new_bench("machine")

"""Judges of bundles out of Debian's packages, and bundles for them."""

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TypeAlias

import pytest

from builder.app.project import find_project
from builder.app.session import Session, Settings
from builder.core.arch import host_arch
from builder.core.errors import BuilderError
from builder.io.leash import Leash
from builder.io.spawn import Runner
from builder.plan.debian import pool_step
from builder.steps.kinds.tools import TOOLS_TREE, ToolsTreeInput, package_role
from builder.steps.step import Step
from builder.toolchain.tree import ToolsTree
from tests.integration.airgap.pins import HOST, pinned

Judges: TypeAlias = Callable[[str], ToolsTree]


@pytest.fixture(scope="session")
def session() -> Iterator[Session]:
    with Session(find_project(os.environ), Settings()) as session:
        yield session


@pytest.fixture(scope="session")
def judges(session: Session) -> Judges:
    """The tree of a set of packages."""
    if host_arch() is not HOST:
        pytest.skip(f"packages are pinned for {HOST} alone")

    @cache
    def tree(name: str) -> ToolsTree:
        step = Step(
            id=f"tools/judge-{name}",
            kind=TOOLS_TREE,
            input=ToolsTreeInput(host=HOST),
            needs={package_role(pin.name): pool_step(pin) for pin in pinned(name)},
        )
        try:
            return ToolsTree(root=session.obtain(step), arch=HOST)
        except BuilderError as error:
            pytest.skip(f"{name} cannot be had: {error.brief}; {'; '.join(map(str, error.details))}")

    return tree


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    with Leash() as leash:
        yield Runner(log=tmp_path / "log", leash=leash)

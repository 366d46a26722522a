"""Judges of bundles out of Debian's packages, and bundles for them."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TypeAlias

import pytest

from builder.app.session import Session
from builder.io.leash import Leash
from builder.io.spawn import Runner
from builder.toolchain.tree import ToolsTree
from tests.integration.airgap.minisign import Minisign
from tests.integration.airgap.pins import SETS
from tests.integration.debian_sets import HOST

Judges: TypeAlias = Callable[[str], ToolsTree]


@pytest.fixture(scope="session")
def judges(session: Session) -> Judges:
    """The tree of a set of packages."""

    @cache
    def tree(name: str) -> ToolsTree:
        return ToolsTree(root=SETS.tree(session, name), arch=HOST)

    return tree


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    with Leash() as leash:
        yield Runner(log=tmp_path / "log", leash=leash)


@pytest.fixture
def minisign(judges: Judges, runner: Runner, tmp_path: Path) -> Minisign:
    place = tmp_path / "keys"
    place.mkdir()
    return Minisign(tree=judges("minisign"), runner=runner, directory=place)

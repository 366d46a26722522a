"""Database servers out of Debian's packages."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.app.project import find_project
from builder.app.session import Session, Settings
from builder.core.arch import host_arch
from builder.core.errors import BuilderError
from builder.plan.debian import pool_step
from builder.steps.kinds.tools import TOOLS_TREE, ToolsTreeInput, package_role
from builder.steps.step import Step
from tests.integration.components.conftest import kedge
from tests.integration.databases.enclosure import enclose
from tests.integration.databases.pins import HOST, pinned
from tests.integration.databases.servers import Server, set_up_mariadb, set_up_postgresql

__all__ = ["kedge"]


@pytest.fixture(scope="session")
def session() -> Iterator[Session]:
    with Session(find_project(os.environ), Settings()) as session:
        yield session


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest, session: Session, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A server that was set up and does not run."""
    name: str = request.param
    enclosure = enclose(_tree(session, name), tmp_path_factory.mktemp(name))
    return set_up_postgresql(enclosure) if name == "postgresql" else set_up_mariadb(enclosure)


def _tree(session: Session, name: str) -> Path:
    """The packages of a server, unpacked."""
    if host_arch() is not HOST:
        pytest.skip(f"packages are pinned for {HOST} alone")
    step = Step(
        id=f"tools/{name}",
        kind=TOOLS_TREE,
        input=ToolsTreeInput(host=HOST),
        needs={package_role(pin.name): pool_step(pin) for pin in pinned(name)},
    )
    try:
        return session.obtain(step)
    except BuilderError as error:
        pytest.skip(f"{name} cannot be had: {error.brief}; {'; '.join(map(str, error.details))}")

"""Database servers out of Debian's packages."""

import pytest

from builder.app.session import Session
from tests.integration.databases.enclosure import enclose
from tests.integration.databases.pins import SETS
from tests.integration.databases.servers import Server, set_up_mariadb, set_up_postgresql


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest, session: Session, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A server that was set up and does not run."""
    name: str = request.param
    enclosure = enclose(SETS.tree(session, name), tmp_path_factory.mktemp(name))
    return set_up_postgresql(enclosure) if name == "postgresql" else set_up_mariadb(enclosure)

"""A cluster of one controller and two workers, and the images that its pods run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.app.make import make_artifacts
from builder.app.session import Session
from builder.app.wanted import Wanted
from builder.core.output import Output
from builder.fleet.endpoints import Endpoint
from tests.integration.trust import lay_out, make_trust
from tests.integration.worker.lab import Lab, prepared_lab
from tests.integration.worker.machine import missing

RECIPE = Path(__file__).with_name("recipe.yaml")


@pytest.fixture(scope="session")
def bundle(session: Session, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the system's images and agnhost, for this machine."""
    out = tmp_path_factory.mktemp("bundle")
    wanted = Wanted(archs=(session.host,), outputs=(Output.BUNDLE,))
    make_artifacts(session, session.project.open(str(RECIPE)), wanted, out)
    (found,) = out.rglob("*.tar")
    return found


@pytest.fixture(scope="module")
def lab(kedge: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A controller that is ready, and two machines that have not joined; its trust is its operator's.

    Other tests have a controller that makes its own.
    """
    problem = missing()
    if problem:
        pytest.skip(problem)
    cluster, unlocking = make_trust(tmp_path_factory.mktemp("trust"), Endpoint.parse("mill.example.com"))

    def prepare(data: Path) -> None:
        lay_out(cluster, unlocking, data)

    with prepared_lab(kedge, tmp_path_factory.mktemp("lab"), ("edge1", "edge2"), prepare, {}) as running:
        yield running

"""A cluster of one controller and two workers, and the images that its pods run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.app.make import make_artifacts
from builder.app.session import Session
from builder.app.wanted import Wanted
from builder.core.output import Output
from tests.integration.worker.lab import Lab, running_lab
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
    """A controller that is ready, and two machines that have not joined."""
    problem = missing()
    if problem:
        pytest.skip(problem)
    with running_lab(kedge, tmp_path_factory.mktemp("lab"), ("edge1", "edge2")) as running:
        yield running

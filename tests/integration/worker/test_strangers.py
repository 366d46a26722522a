"""A controller that answers at the right address, with the right certificates, and is another cluster's: its data are lost."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.components.process import running
from tests.integration.worker.lab import Lab, running_lab
from tests.integration.worker.machine import missing
from tests.integration.worker.pods import pod
from tests.integration.worker.separated import running_containers

# After so long the kubelet has heard from the new controller, if it hears of it at all.
PATIENCE_S = 20


@pytest.fixture
def own_lab(kedge: Path, tmp_path: Path) -> Iterator[Lab]:
    """A cluster whose controller may come to harm."""
    problem = missing()
    if problem:
        pytest.skip(problem)
    with running_lab(kedge, tmp_path, ("edge1",)) as lab:
        yield lab


@contextmanager
def another_controller(lab: Lab) -> Iterator[None]:
    """The controller's data are lost, and it begins anew at the same address, with the same certificates."""
    lab.hub.run(lab.kedge, "stop")
    shutil.rmtree(lab.hub.data / "db")
    argv = lab.hub.inside(lab.kedge, "controller", "--new-cluster", f"--config={lab.directory / 'cluster.yaml'}")
    with running(argv, name="controller-again", directory=lab.directory):
        yield


def test_a_controller_without_its_data_is_not_followed_until_somebody_says_so(own_lab: Lab, bundle: Path) -> None:
    lab = own_lab
    node = lab.node(0, f"--token-file={lab.token()}")
    node.add_bundle(bundle)
    with node.running() as daemon:
        node.wait_until_ready(daemon)
        lab.apply(pod("stays", node="edge1"))
        lab.wait_for_pods("app=stays")
        before = running_containers(node)
        with another_controller(lab):
            node.wait_for(lambda: "has another database" in problem_of(node.status()), what="told", daemon=daemon)
            time.sleep(PATIENCE_S)
            assert running_containers(node) == before
            assert lab.get("pods")["items"] == []
            (node.machine.data / "worker" / "cluster-uid").unlink()
            node.wait_for(lambda: running_containers(node) == {}, what="as the new controller wants it", daemon=daemon)


def test_a_worker_that_starts_beside_such_a_controller_goes_on_with_what_it_knows(own_lab: Lab, bundle: Path) -> None:
    """The worker asks for its configuration before anything else runs that could compare."""
    lab = own_lab
    node = lab.node(0, f"--token-file={lab.token()}")
    node.add_bundle(bundle)
    with node.running() as daemon:
        node.wait_until_ready(daemon)
        lab.apply(pod("stays", node="edge1"))
        lab.wait_for_pods("app=stays")
        before = running_containers(node)
    with another_controller(lab):
        status = ("sh", "-c", f"{lab.kedge} status -o json || true")
        lab.wait_for("it is ready", lambda: '"ready": true' in lab.hub.run(*status))
        with node.running() as daemon:
            node.wait_for(lambda: "has another database" in problem_of(node.status()), what="told", daemon=daemon)
            node.wait_for(lambda: running_containers(node) != {}, what="running again", daemon=daemon)
            time.sleep(PATIENCE_S)
            assert running_containers(node) == before
            log = daemon.log.read_text(encoding="utf-8")
            assert "going on with what it told before" in log, "it has taken what another cluster's controller told"


def problem_of(status: dict[str, Any]) -> str:
    return str(status.get("node", {}).get("problem", ""))

import json

import pytest

from tests.integration.components.controlplane import ControlPlane
from tests.integration.components.health import OK, get, trusting, trusting_anyone
from tests.integration.components.process import Daemon, wait_for


@pytest.mark.parametrize("endpoint", ["livez", "readyz"])
def test_api_server_is_healthy(control_plane: ControlPlane, endpoint: str) -> None:
    answer = get(f"{control_plane.api_url}/{endpoint}", control_plane.trust)
    assert (answer.status, answer.text) == (OK, "ok")


def test_api_server_tells_clients_its_true_version(control_plane: ControlPlane) -> None:
    served = json.loads(get(f"{control_plane.api_url}/version", control_plane.trust).text)
    assert served["gitVersion"].startswith(f"v{served['major']}.{served['minor']}.")
    assert "master" not in served["gitVersion"]


def test_api_server_keeps_its_objects_in_kine(control_plane: ControlPlane) -> None:
    answer = get(f"{control_plane.api_url}/api/v1/namespaces/kube-system", control_plane.trust)
    assert json.loads(answer.text)["metadata"]["name"] == "kube-system"


def test_controller_manager_is_healthy(control_plane: ControlPlane) -> None:
    _wait_until_healthy(_daemon(control_plane, "kube-controller-manager"), control_plane.controller_manager_url)


def test_controllers_work(control_plane: ControlPlane) -> None:
    url = f"{control_plane.api_url}/api/v1/namespaces/default/serviceaccounts/default"
    daemon = _daemon(control_plane, "kube-controller-manager")
    wait_for(daemon, lambda: get(url, control_plane.trust).status == OK, what="making service accounts")


def test_scheduler_is_healthy(control_plane: ControlPlane) -> None:
    _wait_until_healthy(_daemon(control_plane, "kube-scheduler"), control_plane.scheduler_url)


def test_strangers_are_refused(control_plane: ControlPlane) -> None:
    answer = get(f"{control_plane.api_url}/api/v1/secrets", trusting(control_plane.authority.certificate))
    assert answer.status in (401, 403)


def _daemon(control_plane: ControlPlane, name: str) -> Daemon:
    return next(daemon for daemon in control_plane.daemons if daemon.name == name)


def _wait_until_healthy(daemon: Daemon, url: str) -> None:
    wait_for(daemon, lambda: get(f"{url}/healthz", trusting_anyone()).text == "ok", what="healthy")

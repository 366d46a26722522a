"""A control plane whose state is in PostgreSQL or MariaDB: what it does when the database is away, slow or strange."""

import os
import signal
from pathlib import Path

import pytest

from tests.integration.components.invoke import invoke
from tests.integration.components.pki import Authority
from tests.integration.components.process import STOP_TIMEOUT_S, wait_for
from tests.integration.controller.controller import Controller, place, running_controller, started_controller
from tests.integration.databases.proxy import proxying
from tests.integration.databases.servers import PASSWORD, Server, serving

SLOW_S = 0.1  # for each piece in each direction, as over a satellite


def kine(**fields: str) -> dict[str, object]:
    return {"storage": {"type": "kine", "kine": fields}}


def test_state_is_in_the_database(kedge: Path, server: Server, tmp_path: Path) -> None:
    where = place(kedge, tmp_path, **kine(dataSource=server.source(server.port)))
    with serving(server):
        with running_controller(where) as controller:
            controller.applied("create", "namespace", "kept")
            assert _readers_of_the_password(controller) == []
            saved = invoke(kedge, "backup", f"--data-dir={where.data}", f"--save-path={tmp_path}")
            assert (saved.code, "save it with its own tools" in saved.stderr) == (1, True)
        with running_controller(where) as controller:
            assert controller.applied("get", "namespace", "kept", "--output=name") == "namespace/kept\n"
    assert not (where.data / "db/state.db").exists()
    assert PASSWORD not in controller.daemon.log.read_text()


def test_database_that_was_killed_is_waited_for(kedge: Path, server: Server, tmp_path: Path) -> None:
    where = place(kedge, tmp_path, **kine(dataSource=server.source(server.port)))
    with serving(server) as database, running_controller(where) as controller:
        controller.applied("create", "configmap", "kept")
        os.kill(database.process.pid, signal.SIGKILL)
        database.process.wait(timeout=STOP_TIMEOUT_S)
        wait_for(controller.daemon, lambda: not controller.is_ready(), what="without its database")
        wait_for(controller.daemon, lambda: "connection refused" in _log(controller), what="saying so")
        with serving(server):
            controller.wait_until_ready()
            # A server that recovers takes connections before it takes questions.
            kept = ("get", "configmap", "kept", "--output=name")
            wait_for(controller.daemon, lambda: controller.kubectl(*kept).code == 0, what="reading again")
            controller.applied("create", "configmap", "later")
    assert PASSWORD not in _log(controller)


def test_database_that_starts_later(kedge: Path, server: Server, tmp_path: Path) -> None:
    where = place(kedge, tmp_path, **kine(dataSource=server.source(server.port)))
    with started_controller(where) as controller:
        wait_for(controller.daemon, lambda: "connection refused" in _log(controller), what="saying so")
        with serving(server):
            controller.wait_until_ready()


@pytest.mark.slow
def test_slow_database(kedge: Path, server: Server, tmp_path: Path) -> None:
    with serving(server), proxying(server.port) as proxy:
        where = place(kedge, tmp_path, **kine(dataSource=server.source(proxy.port)))
        with running_controller(where) as controller:
            proxy.delay_s = SLOW_S
            for number in range(5):
                controller.applied("create", "configmap", f"slow-{number}")
            listed = controller.applied("get", "configmaps", "--output=name").split()
            assert {f"configmap/slow-{number}" for number in range(5)} <= set(listed)
            assert controller.is_ready()


def test_wrong_password_is_told_and_not_shown(kedge: Path, server: Server, tmp_path: Path) -> None:
    wrong = "mistaken-treasure"
    where = place(kedge, tmp_path, **kine(dataSource=server.source(server.port, wrong)))
    refusals = ("password authentication failed", "Access denied")
    with serving(server), started_controller(where) as controller:
        wait_for(
            controller.daemon, lambda: any(refusal in _log(controller) for refusal in refusals), what="saying that"
        )
        assert not controller.is_ready()
        (reason,) = [part["process"]["problem"] for part in controller.status()["components"] if part["name"] == "kine"]
        assert reason
    assert wrong not in _log(controller)


def test_tls_with_the_servers_authority_alone(kedge: Path, server: Server, tmp_path: Path) -> None:
    secure = {"dataSource": server.secure(), "caFile": str(server.authority)}
    where = place(kedge, tmp_path, **kine(**secure))
    stranger = Authority(tmp_path, "stranger").certificate
    with serving(server):
        with running_controller(where) as controller:
            controller.applied("create", "configmap", "encrypted")
        strange = place(kedge, tmp_path, **kine(**{**secure, "caFile": str(stranger)}))
        refusal = "x509: certificate signed by unknown authority"
        with started_controller(strange) as controller:
            wait_for(controller.daemon, lambda: refusal in _log(controller), what="refusing the server", timeout_s=60)
            assert not controller.is_ready()


def _log(controller: Controller) -> str:
    return controller.daemon.log.read_text(errors="replace")


def _readers_of_the_password(controller: Controller) -> list[str]:
    """The processes in whose arguments the password is, which everybody may read."""
    pids = [controller.daemon.process.pid, *controller.pids().values()]
    return [str(pid) for pid in pids if PASSWORD.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()]

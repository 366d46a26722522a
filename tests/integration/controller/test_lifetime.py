"""A controller's end, its next start, and what it refuses to start on."""

import json
import os
import shutil
import signal
import socket
from pathlib import Path

import pytest

from tests.integration.components.invoke import invoke
from tests.integration.components.process import START_TIMEOUT_S, wait_for
from tests.integration.controller.controller import Place, place, running_controller, started_controller


def test_killed_kedge_leaves_nothing_and_keeps_everything(kedge: Path, tmp_path: Path) -> None:
    where = place(kedge, tmp_path)
    with running_controller(where) as controller:
        controller.applied("create", "namespace", "kept")
        pids = controller.pids().values()
        controller.daemon.process.send_signal(signal.SIGKILL)
        controller.daemon.process.wait(timeout=START_TIMEOUT_S)
    # The kernel has sent each its signal; the next start waits until they are gone.
    with running_controller(where) as controller:
        assert [pid for pid in pids if _is_kedge(pid, where)] == []
        assert controller.applied("get", "namespace", "kept", "--output=name") == "namespace/kept\n"
        assert invoke(kedge, "stop", f"--run-dir={where.run}").code == 0
        assert controller.daemon.process.wait(timeout=START_TIMEOUT_S) == 0
    shutil.rmtree(where.data / "db")
    assert "its database is empty" in _refusal(where)
    with running_controller(where, "--new-cluster") as controller:
        assert controller.kubectl("get", "namespace", "kept").code == 1


def test_etcd_keeps_the_state(kedge: Path, tmp_path: Path) -> None:
    where = place(kedge, tmp_path, storage={"type": "etcd"})
    with running_controller(where) as controller:
        assert "etcd" in controller.pids()
        assert "kine" not in controller.pids()
        controller.applied("create", "namespace", "edge")
        assert (where.data / "etcd" / "member" / "wal").is_dir()


def test_disabled_components_do_not_run(kedge: Path, tmp_path: Path) -> None:
    where = place(kedge, tmp_path)
    with running_controller(where, "--disable-components=konnectivity-server,kube-scheduler") as controller:
        assert sorted(controller.pids()) == ["kine", "kube-apiserver", "kube-controller-manager"]


def test_users_kine_keeps_one_store(kedge: Path, tmp_path: Path) -> None:
    """It need not know of a second in the same process; kedge is a kine under this name."""
    (tmp_path / "kine").symlink_to(kedge)
    where = place(kedge, tmp_path, executables={"kine": str(tmp_path / "kine")})
    with running_controller(where) as controller:
        pids = controller.pids()
        assert {"kine", "kine-volatile"} <= pids.keys()
        for name in "kine", "kine-volatile":
            assert b"\0--\0" not in Path(f"/proc/{pids[name]}/cmdline").read_bytes()


def test_second_kedge_is_refused(kedge: Path, tmp_path: Path) -> None:
    where = place(kedge, tmp_path)
    with started_controller(where) as first:
        wait_for(first.daemon, lambda: bool(first.status()), what="running")
        assert "another kedge uses it" in _refusal(where)


def test_port_in_use_is_told(kedge: Path, tmp_path: Path) -> None:
    where = place(kedge, tmp_path)
    with socket.create_server(("", where.api_port)):
        assert f"kube-apiserver cannot listen on :{where.api_port}" in _refusal(where)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"format": 99}, "a newer kedge made it"),
        ({"kubernetes": "v1.99.0"}, "Kubernetes v1.99.0 wrote into it"),
        ({"uid": os.geteuid() + 1}, "ran kedge there"),
        ({"storage": "etcd", "started": True}, "a cluster cannot change its storage"),
    ],
)
def test_foreign_data_directory_is_refused(
    kedge: Path, tmp_path: Path, record: dict[str, object], message: str
) -> None:
    where = place(kedge, tmp_path)
    where.data.mkdir()
    base = {"format": 1, "kubernetes": "v1.0.0", "uid": os.geteuid(), "storage": "kine", "started": False}
    (where.data / "kedge.json").write_text(json.dumps(base | record))
    assert message in _refusal(where)
    assert not (where.data / "pki").exists()


def _refusal(where: Place) -> str:
    """What kedge says when it does not start."""
    result = invoke(where.kedge, *where.argv()[1:])
    assert result.code == 1, result.stderr
    return result.stderr


def _is_kedge(pid: int, where: Place) -> bool:
    """Whether the process is one of that controller's: the number alone may be another's by now."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return str(where.data).encode() in environment

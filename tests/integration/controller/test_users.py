"""As root, every component is a user of its own, and the control plane works all the same."""

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.integration.components.process import running
from tests.integration.controller.controller import Controller, place

FIRST_UID = 60101
USERS = {
    "kube-apiserver": FIRST_UID,
    "kube-scheduler": FIRST_UID + 1,
    "konnectivity-server": FIRST_UID + 2,
    "metrics-server": FIRST_UID + 3,
}
RUN_BY = {
    "kine": "kube-apiserver",
    "kube-apiserver": "kube-apiserver",
    "kube-controller-manager": "kube-apiserver",
    "kube-scheduler": "kube-scheduler",
    "konnectivity-server": "konnectivity-server",
    "metrics-server": "metrics-server",
}
# The accounts exist for the processes of one test alone: its own mount namespace shows another file.
WITH_ACCOUNTS = ["unshare", "--mount", "sh", "-c", 'mount --bind "$1" /etc/passwd && shift && exec "$@"', "sh"]


def test_components_run_as_users_of_their_own(kedge: Path) -> None:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip(
            "only root can start processes as other users, and only in a mount namespace without making accounts"
        )
    # pytest's own directories are closed to other users, as data directories are not.
    with TemporaryDirectory(prefix="kedge-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        _look_at_users(kedge, directory)


def _look_at_users(kedge: Path, directory: Path) -> None:
    accounts = directory / "passwd"
    lines = [f"{name}:x:{uid}:{uid}::/nonexistent:/usr/sbin/nologin\n" for name, uid in USERS.items()]
    accounts.write_text(Path("/etc/passwd").read_text() + "".join(lines))
    if subprocess.run([*WITH_ACCOUNTS, str(accounts), "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("mount namespaces are not to be had here")
    where = place(kedge, directory)
    with running([*WITH_ACCOUNTS, str(accounts), *where.argv()], name="kedge", directory=directory) as daemon:
        controller = Controller(place=where, daemon=daemon)
        controller.wait_until_ready()
        found = {name: Path(f"/proc/{pid}").stat().st_uid for name, pid in controller.pids().items()}
        assert found == {name: USERS[user] for name, user in RUN_BY.items()}
        controller.applied("create", "namespace", "edge")
    secrets = [path for path in where.data.rglob("*.key") if path.stat().st_mode & 0o077]
    assert secrets == []

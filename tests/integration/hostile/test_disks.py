"""Disks that are full, read-only or damaged."""

import os
import shutil
from pathlib import Path

import pytest

from tests.integration.components.invoke import invoke
from tests.integration.components.process import wait_for
from tests.integration.controller.controller import Controller, Place, place, running_controller
from tests.integration.hostile.disk import Disk, on_a_disk_of, on_disk, said

# A megabyte: what a full disk still takes in a log that has room inside is less.
LARGE = 1 << 20


@pytest.mark.parametrize(("storage", "size"), [("kine", "96m"), pytest.param("etcd", "384m", marks=pytest.mark.slow)])
def test_full_disk_loses_nothing(kedge: Path, tmp_path: Path, storage: str, size: str) -> None:
    where = place(kedge, tmp_path, storage={"type": storage})
    with on_a_disk_of(where, size) as disk:
        controller = disk.controller
        controller.applied("create", "configmap", "before", "--from-literal=key=value")
        disk.fill()
        written, refusal = _write_until_refused(controller, tmp_path)
        # SQLite says what it is; of etcd, which ends itself, the API server only sees that it does not answer.
        assert ("full" if storage == "kine" else "timeout") in refusal
        assert ("disk is full" if storage == "kine" else "no space left") in _log(controller)
        disk.filler.unlink()
        made = ("create", "configmap", "after")
        wait_for(controller.daemon, lambda: controller.kubectl(*made).code == 0, what="writing again")
        kept = controller.applied("get", "configmaps", "--output=name").split()
        assert {"configmap/before", "configmap/after", *written} <= set(kept)
        controller.wait_until_ready()
        if storage == "kine":
            assert _is_sound(disk, tmp_path)


def _write_until_refused(controller: Controller, directory: Path) -> tuple[set[str], str]:
    """What was taken, and why the next was not."""
    content = directory / "large"
    content.write_bytes(os.urandom(LARGE // 2))  # nothing that could be made smaller
    taken: set[str] = set()
    for number in range(400):
        result = controller.kubectl("create", "configmap", f"large-{number}", f"--from-file={content}")
        if result.code != 0:
            return taken, result.stderr.lower()
        taken.add(f"configmap/large-{number}")
    raise AssertionError("a full disk took everything")


def _log(controller: Controller) -> str:
    return controller.daemon.log.read_text(errors="replace")


def _is_sound(disk: Disk, directory: Path) -> bool:
    """Whether kedge takes the database for one that can be restored; where the disk is, its file is seen."""
    where = disk.controller.place
    saving = (str(where.kedge), "backup", f"--data-dir={where.data}", f"--save-path={directory}")
    code, message = said(disk.enter(*saving))
    assert code == 0, message
    return len(list(directory.glob("kedge_backup_*"))) == 1


def test_disk_that_is_full_from_the_start(kedge: Path, tmp_path: Path) -> None:
    where = place(kedge, tmp_path)
    where.data.mkdir()
    code, message = said(on_disk(where, "size=16k", *where.argv()))
    assert (code, "no space left on device" in message) == (1, True), message


def test_read_only_data_directory(kedge: Path, tmp_path: Path) -> None:
    where = place(kedge, tmp_path)
    where.data.mkdir()
    code, message = said(on_disk(where, "ro", *where.argv()))
    assert code == 1
    assert "its file system is read-only" in message


def test_damaged_database_is_told_with_the_way_out(kedge: Path, tmp_path: Path) -> None:
    where = place(kedge, tmp_path)
    with running_controller(where) as controller:
        controller.applied("create", "namespace", "kept")
    state = where.data / "db/state.db"
    sound = state.read_bytes()
    state.write_bytes(b"not what it was" + sound[15:])
    _refuses(where, "its file state.db is damaged: file is not a database")
    state.write_bytes(sound)
    with running_controller(where) as controller:
        controller.applied("get", "namespace", "kept")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pki/encryption.json", "its file encryption.json is damaged"),
        ("kedge.json", "its file kedge.json cannot be read"),
    ],
)
def test_damaged_file_is_told_with_the_way_out(kedge: Path, tmp_path: Path, name: str, message: str) -> None:
    where = place(kedge, tmp_path)
    with running_controller(where):
        pass
    file = where.data / name
    file.write_bytes(file.read_bytes()[:-9])
    _refuses(where, message)


def _refuses(where: Place, message: str) -> None:
    result = invoke(where.kedge, *where.argv()[1:])
    assert result.code == 1
    assert message in result.stderr
    assert "'kedge restore'" in result.stderr


def test_directory_of_another_user(kedge: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can be another user")
    where = place(kedge, tmp_path)
    where.data.mkdir(mode=0o755)
    # pytest's own directories, of which each process has one more where several run.
    for directory in (tmp_path, *(parent for parent in tmp_path.parents if "pytest-" in str(parent))):
        directory.chmod(0o755)
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    where.run.mkdir()
    os.chown(where.run, 65534, 65534)
    executable = tmp_path / "kedge"
    shutil.copyfile(kedge, executable)  # root's own directories are closed to others
    executable.chmod(0o755)
    code, message = said([*nobody, str(executable), *where.argv()[1:]])
    assert (code, "this user may not write there" in message) == (1, True), message

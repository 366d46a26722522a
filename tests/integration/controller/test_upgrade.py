"""A controller is saved, runs another version, and finds back from one that does not become ready."""

import json
import tarfile
from pathlib import Path

from tests.integration.components.invoke import invoke
from tests.integration.components.process import running, wait_for
from tests.integration.controller.controller import Controller, Place, place
from tests.integration.upgrades import AGAIN, CRASHES, Publisher

_OWN, _NEXT, _BROKEN = "0.1.0", "0.2.0", "0.3.0"
_PATIENCE_S = 120


def test_a_controller_is_upgraded_and_finds_back(kedge: Path, tmp_path: Path) -> None:
    where = place(kedge, tmp_path)
    publisher = Publisher.in_directory(tmp_path / "published", kedge)
    with running(["sh", "-c", AGAIN, "service", *where.argv()], name="kedge", directory=tmp_path) as daemon:
        controller = Controller(place=where, daemon=daemon)
        controller.wait_until_ready()
        controller.applied("create", "namespace", "kept")
        told = _tried(where, publisher, publisher.version(_NEXT))
        (saved,) = (where.data / "backups").iterdir()
        assert f"The controller is saved in {saved}." in told
        assert saved.stat().st_mode & 0o777 == 0o600
        wait_for(daemon, lambda: _runs(controller, _NEXT), what=f"version {_NEXT}", timeout_s=_PATIENCE_S)
        assert controller.applied("get", "namespace", "kept", "--output=name") == "namespace/kept\n"
        assert _saved_by(where) == _NEXT
        _tried(where, publisher, publisher.broken(_BROKEN, CRASHES))
        wait_for(daemon, lambda: _failed(controller) == _BROKEN, what="given up", timeout_s=_PATIENCE_S)
        wait_for(daemon, lambda: _runs(controller, _NEXT), what=f"back on {_NEXT}", timeout_s=_PATIENCE_S)
        controller.applied("create", "namespace", "later")
        _damage(where.data / "kedge" / _NEXT / "kedge")
        assert invoke(kedge, "stop", f"--run-dir={where.run}").code == 0
        wait_for(daemon, lambda: _runs(controller, _OWN), what="the machine's own version", timeout_s=_PATIENCE_S)
        assert _failed(controller) == _NEXT
        assert controller.applied("get", "namespace", "later", "--output=name") == "namespace/later\n"
    _restores(kedge, saved, tmp_path)


def _saved_by(where: Place) -> str:
    """The version that `kedge backup` says it is of: the machine's own may not know what a later one writes."""
    directories = (f"--data-dir={where.data}", f"--run-dir={where.run}")
    result = invoke(where.kedge, "backup", f"--save-path={where.directory}", *directories)
    assert result.code == 0, result.stderr
    with tarfile.open(result.stdout.strip()) as archive:
        content = archive.extractfile(archive.getnames()[0])
        assert content is not None
        version: str = json.load(content)["version"]
    return version


def _damage(installed: Path) -> None:
    """Another file in its place: the one that runs cannot be written."""
    installed.unlink()
    installed.write_bytes(b"\x7fELF")


def _tried(where: Place, publisher: Publisher, candidate: Path) -> str:
    directories = (f"--data-dir={where.data}", f"--run-dir={where.run}")
    result = invoke(where.kedge, "upgrade", str(candidate), f"--keys={publisher.keys}", *directories)
    assert result.code == 0, result.stderr
    assert invoke(where.kedge, "stop", f"--run-dir={where.run}").code == 0
    return result.stdout


def _runs(controller: Controller, version: str) -> bool:
    status = controller.status()
    return bool(status.get("ready")) and status["version"] == version and not status.get("upgrade", {}).get("trial")


def _failed(controller: Controller) -> str:
    failed: str = controller.status().get("upgrade", {}).get("failed", {}).get("version", "")
    return failed


def _restores(kedge: Path, saved: Path, tmp_path: Path) -> None:
    """What was saved makes a data directory."""
    into = tmp_path / "restored"
    result = invoke(kedge, "restore", str(saved), f"--data-dir={into}")
    assert result.code == 0, result.stderr
    assert (into / "db" / "state.db").is_file()

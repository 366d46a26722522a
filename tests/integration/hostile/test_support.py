"""The archive for whoever helps: all of it, and no secret."""

import io
import json
import tarfile
from pathlib import Path

from tests.integration.components.invoke import invoke
from tests.integration.controller.controller import Controller, place

PLANTED = "planted-treasure"
PARTS = {
    "version.json",
    "status.json",
    "log.txt",
    "sysinfo.txt",
    "kedge.json",
    "data-dir.txt",
    "run-dir.txt",
    "meminfo.txt",
    "cluster.yaml",
}


def read(archive: Path) -> dict[str, str]:
    with tarfile.open(archive) as files:
        return {
            Path(member.name).name: io.TextIOWrapper(file).read()
            for member in files
            if (file := files.extractfile(member)) is not None
        }


def test_archive_has_everything_but_secrets(controller: Controller, tmp_path: Path) -> None:
    pki = controller.place.data / "pki"
    config = tmp_path / "cluster.yaml"
    source = f"postgres://kedge:{PLANTED}@db.example/kedge"
    config.write_text(json.dumps({"spec": {"storage": {"kine": {"dataSource": source}}}}))
    manifest = controller.place.data / "manifests" / "planted"
    manifest.mkdir(parents=True)
    (manifest / "broken.yaml").write_text(f"password: {PLANTED}\n")
    directories = (f"--data-dir={controller.place.data}", f"--run-dir={controller.place.run}")
    made = invoke(controller.place.kedge, "support", *directories, f"--config={config}", f"--save-path={tmp_path}")
    assert made.code == 0, made.stderr
    archive = Path(made.stdout.strip())
    assert archive.stat().st_mode & 0o777 == 0o600
    parts = read(archive)
    assert set(parts) == PARTS
    assert json.loads(parts["status.json"])["ready"]
    assert "the controller is ready" in parts["log.txt"]
    assert "db.example" in parts["cluster.yaml"]
    assert str(pki / "sa.key") in parts["data-dir.txt"]
    everything = "".join(parts.values())
    assert PLANTED not in everything
    for file in pki.rglob("*"):
        if file.suffix in {".key", ".conf"} or file.name == "encryption.json":
            assert not [line for line in file.read_text().splitlines() if len(line) > 40 and line in everything]


def test_archive_of_a_controller_that_does_not_run(kedge: Path, tmp_path: Path) -> None:
    where = place(kedge, tmp_path)
    made = invoke(kedge, "support", f"--data-dir={where.data}", f"--run-dir={where.run}", f"--save-path={tmp_path}")
    assert made.code == 0, made.stderr
    parts = read(Path(made.stdout.strip()))
    assert "this is not all: kedge is not running" in parts["status.json"]
    assert "kube-apiserver" in parts["version.json"]

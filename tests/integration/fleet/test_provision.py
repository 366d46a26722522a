"""`builder provision` on images: one node, all nodes, what is made beforehand, and what is refused with nothing changed."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from builder.app.clusters.fleet import open_fleet
from builder.app.clusters.nodes import add_nodes, revoke_nodes
from builder.app.provision.work import Provisioner, apply_overlay
from builder.core.errors import BuilderError, RecipeError
from builder.fleet.directory import ClusterDirectory
from builder.fleet.endpoints import Endpoint
from builder.fleet.role import Role
from tests.integration.fleet.conftest import Bench
from tests.integration.trust import make_trust, now

ROOT = Path(__file__).parents[3]


@pytest.fixture
def work(tmp_path: Path) -> Provisioner:
    cluster, unlocking = make_trust(tmp_path, Endpoint.parse("mill.example.com"))
    add_nodes(cluster, ["barn"], Role.CONTROLLER, now=now())
    add_nodes(cluster, ["field-1", "field-2"], Role.WORKER, now=now())
    return Provisioner(directory=cluster, unlocking=unlocking, now=now())


def credentials(cluster: ClusterDirectory, name: str) -> int:
    return len(cluster.read().nodes[name].credentials)


def test_a_card_becomes_one_node_and_then_another(bench: Bench, work: Provisioner) -> None:
    card = bench.card()
    work.one(card, "barn")
    assert bench.files(card) == ["EFI/", "controller.tar", "grub/", "kedge.yaml", "node.yaml"]
    keys = bench.read(card, "controller.tar")
    bench.add(card, "status.txt", b"of the device that this card was in")
    work.one(card, "field-1")
    assert bench.files(card) == ["EFI/", "credential.pem", "grub/", "node.yaml"]
    assert b'name: "field-1"' in bench.read(card, "node.yaml")
    # Nothing of the cluster's keys is left on a worker's card.
    assert keys[2048:2560] not in card.read_bytes()
    assert credentials(work.directory, "field-1") == 1
    bench.check(card)


def test_a_card_for_a_fleet_takes_nothing_secret_with_it(bench: Bench, work: Provisioner) -> None:
    card = bench.card()
    work.one(card, "field-1")
    with pytest.raises(RecipeError, match="listen to no device") as refused:
        work.fleet(card)
    assert "builder cluster fleet" in refused.value.hint
    open_fleet(work.directory, is_open=True)
    work.fleet(card)
    assert bench.files(card) == ["EFI/", "grub/", "node.yaml"]
    assert b"PRIVATE KEY" not in card.read_bytes()
    bench.check(card)


def test_what_is_made_for_all_is_applied_without_a_key(bench: Bench, work: Provisioner) -> None:
    card, out = bench.card(), bench.directory / "overlays"
    before = card.read_bytes()
    # A builder that was killed left a credential.
    left = out / ".node.new" / "credential.pem"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"secret")
    revoke_nodes(work.directory, ["field-2"], now=now())
    assert work.all(card, out) == ["barn", "field-1"]
    assert card.read_bytes() == before
    assert sorted(path.name for path in out.iterdir()) == ["barn", "field-1"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in out.rglob("*")} == {0o600, 0o700}
    assert apply_overlay(card, out / "field-1", now()) == "field-1"
    for path in (out / "field-1").iterdir():
        assert bench.read(card, path.name) == path.read_bytes()
    bench.check(card)
    assert credentials(work.directory, "field-1") == 1
    with pytest.raises(RecipeError, match="these are there already"):
        work.all(card, out)


def test_all_mistakes_of_all_nodes_are_told_and_nothing_is_written(bench: Bench, work: Provisioner) -> None:
    card, out = bench.card(), bench.directory / "overlays"
    for name in ("field-1", "field-2"):
        file = work.directory.node(name)
        file.write_text(file.read_text() + "profile: Tiny\n")
    before = work.directory.read()
    with pytest.raises(RecipeError) as error:
        work.all(card, out)
    assert [line.split("nodes/")[1].split(" ")[0] for line in error.value.details] == [
        "field-1.yaml:6:10:",
        "field-2.yaml:6:10:",
    ]
    assert not out.exists()
    assert work.directory.read() == before


def test_an_overlay_that_is_not_whole_is_refused(bench: Bench, work: Provisioner) -> None:
    card, out = bench.card(), bench.directory / "overlays"
    work.all(card, out)
    before = card.read_bytes()
    credential = out / "field-1" / "credential.pem"
    whole = credential.read_bytes()
    credential.write_bytes(whole[:-30])
    with pytest.raises(BuilderError, match=r"credential\.pem is cut off"):
        apply_overlay(card, out / "field-1", now())
    credential.unlink()
    with pytest.raises(RecipeError, match=r"not whole: credential\.pem is missing"):
        apply_overlay(card, out / "field-1", now())
    with pytest.raises(RecipeError, match=r"has no node\.yaml"):
        apply_overlay(card, bench.directory, now())
    assert card.read_bytes() == before


def test_what_cannot_be_written_costs_no_credential(bench: Bench, work: Provisioner) -> None:
    card = bench.card()
    with pytest.raises(RecipeError, match="did you mean 'field-1'"):
        work.one(card, "filed-1")
    with pytest.raises(BuilderError, match="No such file"):
        work.one(bench.directory / "missing.img", "field-1")
    bench.add(card, "filler", bytes(127 << 20)[: _free(bench, card)])
    with pytest.raises(BuilderError, match="the FAT partition is full"):
        work.one(card, "field-1")
    with pytest.raises(BuilderError, match="the FAT partition is full"):
        work.all(card, bench.directory / "overlays")
    assert not (bench.directory / "overlays").exists()
    assert credentials(work.directory, "field-1") == 0


def _free(bench: Bench, card: Path) -> int:
    line = bench.mtools("mdir", card, "::").strip().splitlines()[-1]
    return int("".join(letter for letter in line if letter.isdigit()))


@pytest.mark.parametrize("passphrase", ["correct horse", "another horse"])
def test_the_command(bench: Bench, passphrase: str) -> None:
    """As somebody types it; the passphrase comes from standard input and is nowhere else."""
    card, where = bench.card(), bench.directory / "clusters"
    given = "correct horse"

    def builder(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-m", "builder", *arguments, f"--clusters={where}"],
            input=stdin,
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"], "HOME": str(bench.directory), "PYTHONPATH": str(ROOT)},
            check=False,
        )

    made = builder("cluster", "init", "mill", "--endpoint=mill.example.com", "--passphrase-file=-", stdin=given)
    assert made.returncode == 0, made.stderr
    assert builder("cluster", "add-node", "mill", "field-1").returncode == 0
    before = card.read_bytes()
    done = builder(
        "provision", str(card), "--cluster=mill", "--node=field-1", "--passphrase-file=-", stdin=f"{passphrase}\n"
    )
    if passphrase == given:
        assert (done.returncode, done.stdout) == (0, f"{card}: field-1\n"), done.stderr
        assert b'name: "field-1"' in bench.read(card, "node.yaml")
    else:
        assert done.returncode == 1
        assert "the passphrase is wrong" in done.stderr
        assert card.read_bytes() == before
    assert passphrase not in done.stderr + done.stdout

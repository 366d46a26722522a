"""The cluster of a lab: what lies on its machines' cards, and what of it anybody could see. Nothing but firmware starts."""

import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from builder.app.lab.up import replace_card
from builder.io.leash import Leash
from builder.io.procfs import process_ids
from builder.io.spawn import Runner
from builder.lab.agent import FILES
from builder.lab.end import end_lab
from builder.lab.plan import read_plan
from builder.vm.setup import mac_address
from tests.integration.fleet.conftest import Bench
from tests.integration.lab.commands import Desk
from tests.integration.trust import now

_SHOP = "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}\n"
_LAB = """
manifests: [shop.yaml]
networks: {uplink: {kind: nat}, wire: {kind: segment}}
machines:
  barn: {board: generic-amd64, role: controller, memory: 128 MiB, cores: 1, disk: 64 MiB, networks: [uplink, wire]}
  field: {board: generic-amd64, role: worker, memory: 128 MiB, cores: 1, networks: [wire, uplink], site: orchard, profile: tiny}
"""


@pytest.fixture
def clustered(cards: Bench, tmp_path: Path) -> Iterator[Desk]:
    image = tmp_path / "out" / "edge" / "amd64" / "image" / "generic-amd64"
    image.mkdir(parents=True)
    cards.card("edge.img").rename(image / "edge.img")
    desk = Desk(name=f"test-{secrets.token_hex(4)}", file=tmp_path / "lab.yaml")
    desk.file.write_text(_LAB)
    (tmp_path / "shop.yaml").write_text(_SHOP)
    up = desk.up("--out", str(tmp_path / "out"))
    assert up.returncode == 0, up.stderr
    yield desk
    end_lab(desk.place)


def node_of(desk: Desk, cards: Bench, name: str) -> dict[str, object]:
    found: dict[str, object] = yaml.safe_load(cards.read(desk.place.card(name), "node.yaml"))
    return found


def files_of(node: dict[str, object]) -> list[dict[str, str]]:
    files = node["files"]
    assert isinstance(files, list)
    return files


def test_machines_become_nodes_of_a_cluster_of_their_own(clustered: Desk, cards: Bench, tmp_path: Path) -> None:
    place = clustered.place
    barn, field = (node_of(clustered, cards, name) for name in ("barn", "field"))
    first = min(
        forward.host_port
        for machine in read_plan(place.plan).machines
        for one in machine.networks
        for forward in one.forwards
    )
    assert (barn["role"], field["role"]) == ("controller", "worker")
    assert {"path": "/var/lib/kedge/manifests/lab/shop.yaml", "content": _SHOP} in files_of(barn)
    assert not any("manifests" in file["path"] for file in files_of(field))
    assert (field["name"], field["site"], field["profile"]) == ("field", "orchard", "tiny")
    assert field["endpoints"] == [f"10.0.2.2:{first}", f"192.168.101.10:{first}"]
    files = {file["path"]: file["content"] for file in files_of(field)}
    assert FILES.items() <= files.items()
    wire = files["/etc/systemd/network/10-lab-0.network"]
    assert f"MACAddress={mac_address(f'{clustered.name}/field', 0)}\n" in wire
    assert "Address=192.168.101.11/24\n" in wire
    assert cards.files(place.card("field")) == ["EFI/", "credential.pem", "grub/", "node.yaml"]
    assert cards.files(place.card("barn")) == ["EFI/", "controller.tar", "grub/", "kedge.yaml", "node.yaml"]
    config = yaml.safe_load(cards.read(place.card("barn"), "kedge.yaml"))
    assert config["spec"]["api"] == {
        "externalAddress": "10.0.2.2",
        "port": first,
        "sans": ["10.0.2.2", "192.168.101.10"],
    }
    assert config["spec"]["konnectivity"] == {"agentPort": first + 1}
    kubeconfig = yaml.safe_load(place.kubeconfig.read_text())
    assert kubeconfig["clusters"][0]["cluster"]["server"] == f"https://127.0.0.1:{first}"
    # The image is as it was built.
    assert cards.files(tmp_path / "out/edge/amd64/image/generic-amd64/edge.img") == ["EFI/", "grub/"]


def seen_of_processes() -> Iterator[Path]:
    """What the kernel shows of processes: their words to everybody, their environment to their user."""
    for number in process_ids():
        yield from (path for name in ("cmdline", "environ") if (path := Path(f"/proc/{number}/{name}")).exists())


def text_of(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""  # it has ended


def test_nobody_else_sees_what_is_secret(clustered: Desk) -> None:
    place = clustered.place
    for path in (place.passphrase, place.kubeconfig, place.ssh_key):
        assert path.stat().st_mode & 0o777 == 0o600
    assert place.path.stat().st_mode & 0o777 == 0o700
    passphrase = place.passphrase.read_text()
    processes = "".join(map(text_of, seen_of_processes()))
    texts = [processes, place.plan.read_text(), place.log.read_text(), clustered.use("status", "--json").stdout]
    texts += [path.read_text(errors="replace") for path in place.path.rglob("*.log")]
    assert not [text for text in texts if passphrase in text or "PRIVATE KEY" in text]


def test_a_machine_gets_a_new_card(clustered: Desk, cards: Bench, tmp_path: Path) -> None:
    place, card = clustered.place, clustered.place.card("field")
    before = cards.read(card, "credential.pem")
    overlay = place.machine("field") / "disk.qcow2"
    size = overlay.stat().st_size
    assert clustered.use("power-cut", "field", "--stay-off").returncode == 0
    with Leash() as leash:
        replace_card(place, "field", Runner(log=tmp_path / "replace.log", leash=leash), now=now())
    after = cards.read(card, "credential.pem")
    assert b"PRIVATE KEY" in after
    assert after != before
    assert overlay.stat().st_size <= size
    with Leash() as leash:
        replace_card(place, "field", Runner(log=tmp_path / "copy.log", leash=leash), twin="barn", now=now())
    assert cards.read(card, "controller.tar") == cards.read(place.card("barn"), "controller.tar")
    assert clustered.use("power-on", "field").returncode == 0


def test_how_it_is_reached(clustered: Desk) -> None:
    ssh_port = next(machine.ssh_port for machine in clustered.status().machines if machine.name == "field")
    assert ssh_port
    wrong = clustered.use("ssh", "fields")
    assert "has no machine 'fields'; did you mean 'field'?" in wrong.stderr
    if shutil.which("ssh"):
        # Nobody answers there yet, but the connection is taken by QEMU.
        refused = clustered.use("ssh", "field", "-o", "ConnectTimeout=1", "--", "true")
        assert refused.returncode == 255
        assert re.search("timed out|reset|closed", refused.stderr), refused.stderr

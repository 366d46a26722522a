"""Marked secrets over a cluster's making, its cards and its controller: they lie where they must, and nowhere else."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from builder.app.clusters.unlock import Unlocking
from builder.fleet.authorities import AUTHORITIES
from tests.integration.fleet.conftest import Bench
from tests.integration.fleet.reader import Reader, controller, new_reader, reachable_machine
from tests.integration.worker.machine import Machine, missing

PASSPHRASE, WIFI, PROXY, CONTENT = "marked-passphrase", "marked-wifi-phrase", "marked-proxy-word", "marked-content"
SPECIAL = f"""\
network:
  interfaces: {{wlan0: {{wifi: {{ssid: a, country: DE, passphrase: {WIFI}}}}}}}
  proxy: {{http: "http://user:{PROXY}@192.0.2.3:3128"}}
files: [{{path: /etc/secret, content: {CONTENT}, mode: "0600"}}]
"""
MAKE = """\
builder cluster init mill --endpoint mill.example.com --endpoint 192.0.2.7
builder cluster add-node mill barn --role controller
builder cluster add-node mill field-1
"""
USE = """\
builder cluster show mill; builder cluster show mill --json; builder cluster list --json
builder provision edge.img --cluster mill --node field-1
builder provision edge.img --cluster mill --all --out overlays
builder provision edge.img --overlay overlays/field-1
builder cluster fleet mill
builder provision edge.img --cluster mill --fleet
builder cluster rotate mill --what issuers --what service-accounts --what encryption
builder cluster export mill --out mill.tar
"""


def keys(reader: Reader) -> dict[str, str]:
    """What is secret in the cluster's directory: of each key the line that has it."""
    unlocking = Unlocking(passphrase_file=reader.place / "passphrase", identity_file=None, prompt=None)
    record = reader.cluster.read()
    identity = unlocking.identity(reader.cluster, record)
    found = reader.cluster.read_keys(record, identity)
    pem = {**found.issuers, "enrolment": found.enrolment, "service accounts": found.service_accounts}
    pem.update({f"root {name}": key for name, key in reader.cluster.read_roots(identity).keys.items()})
    inner = {name: key.splitlines()[1] for name, key in pem.items()}
    return {**inner, "identity": identity.strip().splitlines()[-1], "encryption": found.encryption[0]}


def found_in(texts: Mapping[str, bytes], marks: Iterable[str]) -> list[str]:
    return sorted(f"{where}: {mark[:12]}" for where, text in texts.items() for mark in marks if mark.encode() in text)


def files_of(*directories: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for place in directories for path in place.rglob("*") if path.is_file()}


def processes(machine: Machine) -> dict[str, bytes]:
    """Command lines and environments of all that runs in the machine."""
    script = "for file in /proc/[0-9]*/cmdline /proc/[0-9]*/environ; do echo \"$file\"; tr '\\\\0' ' ' <$file || true; echo; done"
    said = machine.run("sh", "-c", script)
    assert "kube-apiserver" in said
    return {"the process list": said.encode()}


def test_secrets_are_where_they_belong_alone(bench: Bench, kedge: Path) -> None:
    if problem := missing():
        pytest.skip(problem)
    reader = new_reader(bench, PASSPHRASE)
    reader.types(MAKE)
    file = reader.cluster.node("field-1")
    file.write_text(file.read_text() + SPECIAL)
    before = keys(reader)
    reader.types(USE)
    own = (PASSPHRASE, WIFI, PROXY, CONTENT)
    after = keys(reader)
    assert len({*after.values()} - {*before.values()}) == len(AUTHORITIES) + 2, "issuers, and both other keys"
    marks = {*before.values(), *after.values(), *own}
    # Those who must have them do: a controller what signs there, a node what its operator wrote.
    archive, overlay = reader.place / "mill.tar", reader.place / "overlays" / "field-1" / "node.yaml"
    assert len(found_in({"archive": archive.read_bytes()}, after.values())) == len(AUTHORITIES) + 2
    assert len(found_in({"overlay": overlay.read_bytes()}, own)) == len((WIFI, PROXY, CONTENT))
    assert not found_in({"what was printed": "".join(reader.said).encode()}, marks)
    assert not found_in(files_of(reader.cluster.path), marks - {*own}), "keys in the clear"
    assert {line.split(": ")[0] for line in found_in(files_of(reader.cluster.path), own)} == {str(file)}
    assert not found_in(files_of(reader.place / ".cache"), marks)
    assert not found_in({"a fleet's card": (reader.place / "edge.img").read_bytes()}, marks)
    begin = f"tar -xf {archive} -C /var/lib/kedge\nkedge controller --config /var/lib/kedge/kedge.yaml"
    with reachable_machine(bench.directory) as machine, controller(machine, kedge, begin) as path:
        machine.run("sh", "-ec", f"{path}; kedge kubectl create secret generic told --from-literal=a={CONTENT}-2")
        assert not found_in(processes(machine), marks)
        logs = {"the log": (machine.data.parent / "controller.log").read_bytes(), **files_of(machine.data / "logs")}
        assert not found_in(logs, marks)
        stored = files_of(machine.data / "db")
        assert stored
        assert not found_in(stored, {f"{CONTENT}-2", *marks})

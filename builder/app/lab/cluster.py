"""The cluster of a lab: made by the same use cases as any other, with a passphrase that only the lab has."""

import json
import os
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from builder.app.clusters.access import admin_kubeconfig
from builder.app.clusters.create import NewCluster, create_cluster
from builder.app.clusters.nodes import add_nodes
from builder.app.clusters.unlock import Unlocking
from builder.app.lab.survey import Survey
from builder.app.provision.work import Provisioner
from builder.fleet.directory import DIRECTORY_MODE, ClusterDirectory, find_cluster
from builder.fleet.endpoints import Endpoint
from builder.io.files import atomic_write, write_all
from builder.lab.agent import FILES
from builder.lab.judge import meeting_places
from builder.lab.model import NetworkKind
from builder.lab.place import LabPlace
from builder.lab.plan import HOST_OF_NAT, PlannedMachine, ports_of_cluster
from builder.vm.setup import mac_address

_LOOPBACK = "127.0.0.1"
# A stack of kedge's directory of manifests.
_MANIFESTS = "/var/lib/kedge/manifests/lab"
# A lab does not live longer.
_ADMIN_DAYS = 90
_PRIVATE = 0o600


def make_cluster(place: LabPlace, survey: Survey, *, now: datetime) -> None:
    """Make the cluster of the lab, with all its nodes, below the lab's directory; nothing where it has none."""
    nodes = [one.planned for one in survey.machines.values() if one.planned.role]
    if not any(node.role and node.role.controls for node in nodes):
        return
    _write_secret(place.passphrase, secrets.token_urlsafe(24).encode())
    place.clusters.mkdir(mode=DIRECTORY_MODE)
    api, tunnel = ports_of_cluster(survey.first_port)
    endpoints = [Endpoint(host=host, port=api) for host in _hosts(survey)]
    wanted = NewCluster(name=survey.name, endpoints=endpoints, passphrase=place.passphrase.read_text())
    cluster = create_cluster(place.clusters, wanted, now=now)
    with cluster.config.open("a") as config:
        # Which the controller's router leads to it, as it does the API's port.
        config.write(f"  konnectivity:\n    agentPort: {tunnel}\n")
    ssh_key = _make_ssh_key(place)
    for node in nodes:
        if node.role:
            add_nodes(cluster, [node.name], node.role, now=now)
            _describe(cluster, survey, node, ssh_key)
    reached = Endpoint(host=_LOOPBACK, port=api)
    made = admin_kubeconfig(cluster, _unlocking(place), timedelta(days=_ADMIN_DAYS), now=now, server=reached)
    _write_secret(place.kubeconfig, made)


def provision_node(place: LabPlace, name: str, card: Path, *, now: datetime) -> None:
    """Write the files of the node `name` of the lab's cluster onto the image `card`."""
    cluster = find_cluster(place.clusters, place.name)
    Provisioner(directory=cluster, unlocking=_unlocking(place), now=now).one(card, name)


def _unlocking(place: LabPlace) -> Unlocking:
    return Unlocking(passphrase_file=place.passphrase, identity_file=None, prompt=None)


def _hosts(survey: Survey) -> list[str]:
    """Where workers reach the controller. This machine does so at 127.0.0.1, which certificates have anyway."""
    lab = survey.written.value
    controller = next(one.planned for one in survey.machines.values() if one.planned.role and one.planned.role.controls)
    addresses = {one.name: one.address.partition("/")[0] for one in controller.networks}
    hosts = [
        HOST_OF_NAT if lab.networks[name].kind is NetworkKind.NAT else addresses[name] for name in meeting_places(lab)
    ]
    return list(dict.fromkeys(hosts)) or [_LOOPBACK]


def _describe(cluster: ClusterDirectory, survey: Survey, node: PlannedMachine, ssh_key: str) -> None:
    """Add to the node's file what the lab knows of it."""
    machine = survey.written.value.machines[node.name]
    lines = [f"{key}: {value}" for key in ("site", "profile") if (value := getattr(machine, key))]
    lines += ["ssh:", f"  keys: [{json.dumps(ssh_key)}]"]
    files = {**(FILES if node.has_agent else {}), **dict(_network_files(survey, node))}
    if node.role and node.role.controls:
        files |= {f"{_MANIFESTS}/{path.name}": path.read_text() for path in survey.written.value.manifests}
    if files:
        lines.append("files:")
    for path, content in files.items():
        lines.append(f"- {{path: {path}, content: {json.dumps(content)}}}")
    file = cluster.node(node.name)
    atomic_write(file, file.read_bytes() + "\n".join([*lines, ""]).encode(), mode=_PRIVATE)


def _network_files(survey: Survey, node: PlannedMachine) -> Iterator[tuple[str, str]]:
    """Fixed addresses in segments. Files, not `network.interfaces`: the kind of machine decides on interfaces' names."""
    for index, attached in enumerate(node.networks):
        if attached.address:
            address = mac_address(f"{survey.name}/{node.name}", index)
            text = f"[Match]\nMACAddress={address}\n\n[Network]\nAddress={attached.address}\nLinkLocalAddressing=no\n"
            yield f"/etc/systemd/network/10-lab-{index}.network", text


def _make_ssh_key(place: LabPlace) -> str:
    """Make the key that opens the lab's nodes; its public half."""
    key = Ed25519PrivateKey.generate()
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH
    _write_secret(place.ssh_key, key.private_bytes(encoding, form, serialization.NoEncryption()))
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return f"{public.decode()} lab"


def _write_secret(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE)
    try:
        write_all(descriptor, data)
    finally:
        os.close(descriptor)

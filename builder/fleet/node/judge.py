"""What must hold between keys of node.yaml, each of which is right by itself."""

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from builder.fleet.node.model import NodeConfig
from builder.fleet.node.network import Interface
from builder.recipe.keypath import KeyPath

# What kubelets may say of themselves (k8s.io/kubernetes, pkg/kubelet/apis/well_known_labels.go).
_RESERVED = ("kubernetes.io", "k8s.io")
_ALLOWED_DOMAINS = ("kubelet.kubernetes.io", "node.kubernetes.io")
ZONE_LABEL = "topology.kubernetes.io/zone"
_ALLOWED = ("topology.kubernetes.io/region", ZONE_LABEL)
_OWN_FILE = "node.yaml"
_OWN_DIRECTORY = "/var/lib/device/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """What is wrong, and at which key; the key itself may be missing."""

    path: KeyPath
    message: str


def mistakes(config: NodeConfig) -> Iterator[Mistake]:
    """Everything that is wrong with `config`."""
    yield from _joining(config)
    yield from _files(config)
    yield from _labels(config)
    yield from _taints(config)
    for name, interface in config.network.interfaces.items():
        yield from _interface(("network", "interfaces", name), name, interface)
    proxy = config.network.proxy
    if proxy and not proxy.http and not proxy.https:
        yield Mistake(path=("network", "proxy"), message="names no proxy: give http, https or both")


def _joining(config: NodeConfig) -> Iterator[Mistake]:
    if config.credential and not config.name:
        yield Mistake(path=("name",), message="is required: a credential is for one node alone")
    if config.role.controls:
        for key in ("endpoints", "discovery"):
            if getattr(config, key):
                yield Mistake(path=(key,), message=f"is for workers; a {config.role} is the cluster itself")
        if config.credential and not config.cluster:
            yield Mistake(path=("cluster",), message="is required together with keys of a cluster")
        return
    if config.config:
        yield Mistake(path=("config",), message="is for controllers; workers are told by theirs")
    if not config.cluster:
        yield Mistake(path=("cluster",), message="is required: a worker must know whom to trust")
    if not config.endpoints and not config.discovery:
        yield Mistake(path=("endpoints",), message="is required, or discovery: true")


def _files(config: NodeConfig) -> Iterator[Mistake]:
    beside = {"credential": config.credential, "config": config.config}
    for key, name in beside.items():
        if name and name.lower() == _OWN_FILE:
            yield Mistake(path=(key,), message="is this file itself")
    if config.config and config.credential and config.config.lower() == config.credential.lower():
        yield Mistake(path=("config",), message="is the same file as credential")
    yield from _extra_files([file.path for file in config.files])


def _extra_files(paths: Sequence[str]) -> Iterator[Mistake]:
    for index, path in enumerate(paths):
        key = ("files", index, "path")
        if path in paths[:index]:
            yield Mistake(path=key, message="is named twice")
        if any(path.startswith(f"{other}/") for other in paths):
            yield Mistake(path=key, message="is below a path that is a file")
        if f"{path}/".startswith(_OWN_DIRECTORY):
            yield Mistake(path=key, message=f"{_OWN_DIRECTORY} is where the device keeps what it was told")


def _labels(config: NodeConfig) -> Iterator[Mistake]:
    for key in config.labels:
        domain = key.rpartition("/")[0]
        reserved = any(domain == one or domain.endswith(f".{one}") for one in _RESERVED)
        allowed = key in _ALLOWED or any(domain == one or domain.endswith(f".{one}") for one in _ALLOWED_DOMAINS)
        if reserved and not allowed:
            yield Mistake(path=("labels", key), message=f"{key} is Kubernetes' own, which no node may give itself")
        if config.site and key == _ALLOWED[1]:
            yield Mistake(path=("labels", key), message="site says it already")


def _taints(config: NodeConfig) -> Iterator[Mistake]:
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(config.taints):
        if (taint.key, taint.effect) in seen:
            yield Mistake(path=("taints", index), message=f"{taint.key} has the effect {taint.effect} already")
        seen.add((taint.key, taint.effect))


def _interface(path: KeyPath, name: str, interface: Interface) -> Iterator[Mistake]:
    if not interface.dhcp and not interface.addresses:
        yield Mistake(path=(*path, "addresses"), message="is required where dhcp is false")
    if interface.gateway and not _reaches(interface, interface.gateway):
        yield Mistake(path=(*path, "gateway"), message=f"{interface.gateway} is in none of the networks of addresses")
    if interface.vlan and interface.wifi:
        yield Mistake(path=(*path, "wifi"), message="an interface is a tagged network or a wireless one, not both")
    if interface.vlan and interface.vlan.parent == name:
        yield Mistake(path=(*path, "vlan", "parent"), message="is the interface itself")


def _reaches(interface: Interface, gateway: str) -> bool:
    address = ipaddress.ip_address(str(gateway))
    return any(address in ipaddress.ip_interface(str(one)).network for one in interface.addresses)

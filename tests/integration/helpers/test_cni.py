"""The CNI plugins connect pods, in namespaces that the tests make, with the nft that lies beside them."""

import json
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.helpers.network import NO_TOOLS, Node, PluginError, address_of, ask, listening

PLUGINS = ("bridge", "host-local", "loopback", "portmap")
PODS = "10.88.0.0/24"


@pytest.mark.parametrize("plugin", PLUGINS)
def test_each_plugin_answers_to_its_name(helpers: Path, plugin: str) -> None:
    environment = {"CNI_COMMAND": "VERSION"}
    said = subprocess.run([helpers / "cni" / plugin], env=environment, capture_output=True, check=True).stdout
    assert "1.0.0" in json.loads(said)["supportedVersions"]
    about = subprocess.run([helpers / "cni" / plugin], env={}, capture_output=True, text=True, check=False).stderr
    assert re.match(rf"CNI {plugin} plugin v\d", about)


def test_another_name_is_refused_for_people_and_for_runtimes(helpers: Path, tmp_path: Path) -> None:
    (tmp_path / "firewall").symlink_to(helpers / "bin/cni")
    argv = [str(tmp_path / "firewall")]
    person = subprocess.run(argv, env={}, capture_output=True, text=True, check=False)
    assert person.returncode == 1
    assert '"firewall" is no CNI plugin' in person.stderr
    assert all(plugin in person.stderr for plugin in PLUGINS)
    runtime = subprocess.run(argv, env={"CNI_COMMAND": "ADD"}, capture_output=True, text=True, check=False)
    assert runtime.returncode == 1
    assert "is no CNI plugin" in json.loads(runtime.stdout)["msg"]


def test_a_pod_is_connected_checked_and_disconnected(node: Node) -> None:
    pod, config = node.pod("one"), node.bridge(PODS, "cni0")
    result = node.call("bridge", "ADD", config, pod)
    assert address_of(result) == "10.88.0.2"
    assert "inet 10.88.0.2/24" in node.run("ip", "-4", "-o", "addr", "show", "eth0", pod=pod)
    assert "default via 10.88.0.1" in node.run("ip", "route", pod=pod)
    assert "masquerade" in node.ruleset()
    with listening(node, pod, 80, "hello from the pod"):
        assert ask(node, None, "10.88.0.2", 80) == "hello from the pod"

    node.call("bridge", "CHECK", {**config, "prevResult": result}, pod)
    node.run("ip", "addr", "flush", "dev", "eth0", pod=pod)
    with pytest.raises(PluginError, match=r"10\.88\.0\.2"):
        node.call("bridge", "CHECK", {**config, "prevResult": result}, pod)

    # A runtime repeats DEL until it succeeds, so it has to go well when nothing is left.
    for _ in range(2):
        node.call("bridge", "DEL", {**config, "prevResult": result}, pod)
    assert "eth0" not in node.run("ip", "-o", "link", pod=pod)
    assert "10.88.0.2" not in node.ruleset()
    assert not (node.state / "cni0/10.88.0.2").exists()


def test_a_port_of_the_node_leads_into_the_pod(node: Node) -> None:
    pod, client = node.pod("server"), node.pod("client")
    result = node.call("bridge", "ADD", node.bridge(PODS, "cni0"), pod)
    node.call("bridge", "ADD", node.bridge("10.99.0.0/24", "cni1"), client)
    mapping = {"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}
    config = {
        "cniVersion": "1.0.0", "name": "ports", "type": "portmap", "capabilities": {"portMappings": True},
        "runtimeConfig": {"portMappings": [mapping]}, "prevResult": result,
    }  # fmt: skip
    node.call("portmap", "ADD", config, pod)
    node.call("portmap", "CHECK", config, pod)
    with listening(node, pod, 80, "through the node"):
        # From elsewhere, from the node by an address of its own, and by its loopback.
        assert ask(node, client, "10.99.0.1", 8080) == "through the node"
        assert ask(node, None, "10.88.0.1", 8080) == "through the node"
        assert ask(node, None, "127.0.0.1", 8080) == "through the node"
        node.call("portmap", "DEL", config, pod)
        assert ask(node, client, "10.99.0.1", 8080) == ""
    assert "8080" not in node.ruleset()


def test_concurrent_pods_never_share_an_address(node: Node) -> None:
    pods = [node.pod(f"pod-{number}") for number in range(24)]
    config = node.bridge("10.88.0.0/27", "cni0")
    with ThreadPoolExecutor(max_workers=len(pods)) as threads:
        results = list(threads.map(lambda pod: node.call("bridge", "ADD", config, pod), pods))
        addresses = {address_of(result) for result in results}
        assert len(addresses) == len(pods)
        list(threads.map(lambda pod: node.call("bridge", "DEL", config, pod), pods))
    assert not [path for path in (node.state / "cni0").iterdir() if path.name in addresses]


def test_an_exhausted_range_says_so(node: Node) -> None:
    config = node.bridge("10.88.0.0/30", "cni0")
    node.call("bridge", "ADD", config, node.pod("first"))
    with pytest.raises(PluginError, match=r"no IP addresses available in range set: 10\.88\.0\.1-10\.88\.0\.2"):
        node.call("bridge", "ADD", config, node.pod("second"))


def test_the_loopback_is_raised_and_lowered(node: Node) -> None:
    pod, config = node.pod("one"), {"cniVersion": "1.0.0", "name": "lo", "type": "loopback"}
    assert "UP" not in node.run("ip", "-o", "link", "show", "lo", pod=pod).split(">")[0]
    result = node.call("loopback", "ADD", config, pod)
    assert address_of(result) == "127.0.0.1"
    assert ",UP" in node.run("ip", "-o", "link", "show", "lo", pod=pod)
    node.call("loopback", "DEL", config, pod)
    assert ",UP" not in node.run("ip", "-o", "link", "show", "lo", pod=pod)


def test_without_nft_beside_them_the_plugins_say_what_is_missing(node: Node, helpers: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(helpers / "bin/cni", alone / "cni")
    for plugin in PLUGINS:
        os.link(alone / "cni", alone / plugin)
    with pytest.raises(PluginError, match=r"nft|iptables"):
        node.call("bridge", "ADD", node.bridge(PODS, "cni0"), node.pod("one"), directory=alone)
    assert not Path(NO_TOOLS).exists()

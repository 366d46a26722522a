"""What can be chosen instead: a network and an executable of the user's own, a certificate that was made beforehand."""

import json
from pathlib import Path

import pytest

from tests.integration.worker.lab import running_lab
from tests.integration.worker.machine import missing, run
from tests.integration.worker.pods import pod

# Out of plugins that kedge carries, as a user would bring their own.
NETWORK = {
    "cniVersion": "1.0.0",
    "name": "mine",
    "plugins": [
        {
            "type": "bridge",
            "bridge": "mine0",
            "isGateway": True,
            "ipMasq": False,
            "ipam": {
                "type": "host-local",
                "dataDir": "/run/mine",
                "ranges": [[{"subnet": "10.77.0.0/24"}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }
    ],
}


def test_a_network_an_executable_and_a_certificate_of_ones_own(kedge: Path, bundle: Path, tmp_path: Path) -> None:
    if missing():
        pytest.skip(missing())
    own = tmp_path / "coredns"
    own.symlink_to(kedge)
    spec = {"network": {"provider": "custom"}, "executables": {"coredns": str(own)}}
    with running_lab(kedge, tmp_path, ("edge1",), **spec) as lab:
        identity = tmp_path / "edge1.conf"
        identity.write_text(
            run(lab.hub.inside(kedge, "kubeconfig", "create", "system:node:edge1", "--groups=system:nodes"))
        )
        node = lab.node(0, f"--kubeconfig={identity}")
        node.add_bundle(bundle)
        (tmp_path / "10-mine.conflist").write_text(json.dumps(NETWORK))
        node.machine.run("mkdir", "-p", "/etc/cni")
        node.machine.run("mount", "-t", "tmpfs", "none", "/etc/cni")
        node.machine.run("mkdir", "/etc/cni/net.d")
        node.machine.run("cp", tmp_path / "10-mine.conflist", "/etc/cni/net.d/")
        with node.running() as daemon:
            node.wait_until_ready(daemon)
            processes = node.pids()
            assert "flanneld" not in processes
            assert processes["kube-proxy"] == processes["node-network"] != processes["coredns"]
            lab.apply(pod("web", node="edge1"))
            (web,) = lab.wait_for_pods("app=web")
            assert web["status"]["podIP"].startswith("10.77.0.")
            lab.kubectl("exec", "web", "--", "/agnhost", "connect", "--timeout=3s", "kubernetes.default:443")
        identity.unlink()
        with node.running() as daemon:
            node.wait_until_ready(daemon)

"""A cluster of one machine, which has no network at all."""

import json
import os
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.x509 import load_pem_x509_certificate

from builder.trust.certificates import Client, Pair, Span, make_client
from tests.integration.components.process import running, wait_for
from tests.integration.trust import now
from tests.integration.worker.lab import ON_THIS_HOST
from tests.integration.worker.machine import control_groups, missing, run, running_machine
from tests.integration.worker.pods import pod

TIMEOUT_S = 180


def test_a_single_machine_without_a_network_runs_pods(kedge: Path, bundle: Path, tmp_path: Path) -> None:
    if missing():
        pytest.skip(missing())
    with control_groups(f"kedge-test-{os.getpid()}-single") as group, running_machine("alone", tmp_path) as machine:
        (machine.data / "images").mkdir()
        os.link(bundle, machine.data / "images" / bundle.name)
        profile = {"name": "here", "values": {"cgroupRoot": group, **ON_THIS_HOST}}
        config = tmp_path / "cluster.yaml"
        document = {"apiVersion": "kedge/v1", "kind": "ClusterConfig", "spec": {"workerProfiles": [profile]}}
        config.write_text(json.dumps(document))  # JSON is YAML
        manifest = tmp_path / "pod.json"
        manifest.write_text(json.dumps(pod("alone")))
        absent = tmp_path / "absent.json"
        absent.write_text(json.dumps(pod("absent") | {"spec": _spec_of("example.com/absent:1")}))

        def kubectl(*arguments: str | Path) -> str:
            return run(machine.inside(kedge, "kubectl", f"--kubeconfig={machine.data}/pki/admin.conf", *arguments))

        def executes() -> bool:
            with suppress(AssertionError):
                return bool(kubectl("exec", "alone", "--", "/agnhost", "help"))
            return False

        argv = machine.inside(kedge, "single", f"--config={config}", "--profile=here", "--node-name=alone")
        with running(argv, name="single", directory=tmp_path) as daemon:
            status = machine.inside("sh", "-c", f"{kedge} status -o json || true")
            wait_for(daemon, lambda: '"ready": true' in run(status), what="ready", timeout_s=TIMEOUT_S)
            assert '"role": "single"' in run(status)
            wait_for(daemon, lambda: " Ready " in kubectl("get", "nodes"), what="a ready node", timeout_s=TIMEOUT_S)
            assert "Taints:             <none>" in kubectl("describe", "node", "alone")
            wait_for(daemon, lambda: "default" in kubectl("get", "serviceaccounts"), what="open for pods")
            kubectl("apply", "-f", manifest, "-f", absent)
            kubectl("wait", "--for=condition=Ready", "pod/alone", "--timeout=100s")
            kubectl("exec", "alone", "--", "/agnhost", "connect", "--timeout=3s", "kubernetes.default:443")
            # An image that no bundle brought fails at once, and says so.
            wait_for(
                daemon, lambda: "Pull" in kubectl("get", "pod", "absent"), what="clear about an image that is not there"
            )
        certificate = "/var/lib/kedge/worker/node-current.pem"
        machine.run("flock", "--timeout=60", "/var/lib/kedge/kedge.lock", "true")  # until the first has ended
        ahead = tmp_path / "ahead.pem"
        ahead.write_text(_of_a_clock_ahead(machine.data / "pki"))
        machine.run("cp", ahead, certificate)
        with running(argv, name="single-again", directory=tmp_path) as daemon:
            wait_for(daemon, lambda: '"ready": true' in run(status), what="ready again", timeout_s=TIMEOUT_S)
            is_now = load_pem_x509_certificate(machine.run("cat", certificate).encode())
            assert is_now.not_valid_before_utc < now()
            assert "asking for another one" in daemon.log.read_text()
            # The kubelet serves with a certificate of its own, and has to find its pods again.
            wait_for(daemon, executes, what="able to run commands in its pod", timeout_s=TIMEOUT_S)


def _of_a_clock_ahead(pki: Path) -> str:
    """The node's certificate with its key, as its own controller made it when the clock was a year ahead."""
    by = Pair.parse((pki / "client-ca.crt").read_text(), (pki / "client-ca.key").read_text(), where="client-ca")
    span = Span(now=now() + timedelta(days=365), life=timedelta(days=30))
    pair = make_client(Client(name="system:node:alone", groups=("system:nodes",)), span, by=by)
    return pair.certificate_pem + pair.key_pem


def _spec_of(image: str) -> dict[str, object]:
    return {"containers": [{"name": "main", "image": image}]}

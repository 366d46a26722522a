"""What a controller keeps and guards: certificates of kubelets, manifests, backups."""

import json
from pathlib import Path

import pytest
from cryptography import x509

from tests.integration.components.invoke import Result, invoke
from tests.integration.components.process import wait_for
from tests.integration.controller.controller import Controller, Place, place, running_controller
from tests.integration.controller.requests import address, as_node, ask, dns, is_signed_by, to_serve


def test_kubelet_serves_under_its_own_name(controller: Controller) -> None:
    verdict = ask(controller, to_serve("edge-1", dns("edge-1")), *as_node("edge-1"))
    assert verdict.kind == "Approved"
    certificate = x509.load_pem_x509_certificate(verdict.certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [dns("edge-1")]
    assert is_signed_by(verdict.certificate, controller.place.data / "pki" / "kubelet-serving-ca.crt")


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ([dns("edge-2")], "its DNS names are"),
        ([dns("edge-1"), address("127.0.0.1")], "it has addresses"),
        ([dns("edge-1"), dns("kubernetes.default.svc")], "its DNS names are"),
    ],
)
def test_kubelet_serves_under_nothing_else(controller: Controller, names: list[x509.GeneralName], reason: str) -> None:
    verdict = ask(controller, to_serve("edge-1", *names), *as_node("edge-1"))
    assert verdict.kind == "Denied"
    assert reason in verdict.message
    assert verdict.certificate == b""


def test_manifests_are_applied_changed_and_pruned(controller: Controller) -> None:
    manifests = controller.place.data / "manifests"
    (manifests / "broken").mkdir()
    (manifests / "broken" / "a.yaml").write_text("{{")
    controller.applied("create", "configmap", "of-the-user")
    shop = manifests / "shop"
    shop.mkdir()

    def write(*names: str) -> None:
        (shop / "new.tmp").write_text("---\n".join(_config_map(name) for name in names))
        (shop / "new.tmp").rename(shop / "a.yaml")

    write("one", "two")
    _wait_for_config_maps(controller, {"one", "two"})
    write("two", "three")
    _wait_for_config_maps(controller, {"two", "three"})
    # With a resource of its own, whose definition comes with it.
    (shop / "b.yaml").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [_widget(), _definition()]}))
    wait_for(
        controller.daemon, lambda: controller.kubectl("get", "widgets.example.com", "w").code == 0, what="extended"
    )
    (shop / "a.yaml").unlink()
    (shop / "b.yaml").unlink()
    shop.rmdir()
    _wait_for_config_maps(controller, set())
    wait_for(controller.daemon, lambda: controller.kubectl("get", "widgets.example.com", "w").code != 0, what="pruned")
    assert controller.kubectl("get", "customresourcedefinition", "widgets.example.com").code == 0
    assert controller.kubectl("get", "configmap", "of-the-user").code == 0


def _config_map(name: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{a: b}}\n"


def _widget() -> dict[str, object]:
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}


def _definition() -> dict[str, object]:
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [version],
        },
    }


def _wait_for_config_maps(controller: Controller, want: set[str]) -> None:
    def found() -> bool:
        names = controller.applied("get", "configmaps", "--selector=kedge/stack=shop", "--output=name").split()
        return {name.removeprefix("configmap/") for name in names} == want

    wait_for(controller.daemon, found, what=f"with the configmaps {want}")


def test_pods_have_ordinary_rights(controller: Controller) -> None:
    pod = controller.place.directory / "pod.json"
    container = {"name": "c", "image": "example.com/c", "securityContext": {"privileged": True}}
    spec = {"containers": [container], "automountServiceAccountToken": False}
    pod.write_text(json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}))
    for namespace in ("default", "kube-system"):
        _wait_for_account(controller, namespace)
    refused = controller.kubectl("create", f"--filename={pod}")
    assert (refused.code, 'violates PodSecurity "baseline:latest"' in refused.stderr) == (1, True)
    controller.applied("create", "--namespace=kube-system", f"--filename={pod}")


def _wait_for_account(controller: Controller, namespace: str) -> None:
    def found() -> bool:
        return controller.kubectl("get", "serviceaccount", "default", f"--namespace={namespace}").code == 0

    wait_for(controller.daemon, found, what=f"with an account in {namespace}")


def test_audit_log_tells_who_and_no_contents(kedge: Path, tmp_path: Path) -> None:
    where = place(kedge, tmp_path)
    config = json.loads(where.config.read_text())
    log = tmp_path / "audit.log"
    config["spec"]["api"]["extraArgs"] = {"audit-log-path": str(log)}
    where.config.write_text(json.dumps(config))
    with running_controller(where) as controller:
        controller.applied("create", "secret", "generic", "s", "--from-literal=word=hidden-treasure")

        def told() -> bool:
            return "/api/v1/namespaces/default/secrets" in log.read_text()

        wait_for(controller.daemon, told, what="audited")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    made = [
        line for line in lines if line["verb"] == "create" and line.get("objectRef", {}).get("resource") == "secrets"
    ]
    assert [line["user"]["username"] for line in made if line["objectRef"].get("name") == "s"] == ["kubernetes-admin"]
    assert all(line["level"] == "Metadata" for line in lines)
    assert not [line for line in lines if line.get("objectRef", {}).get("resource") == "leases"]
    assert "aGlkZGVuLXRyZWFzdXJl" not in log.read_text()


def test_backup_is_a_cluster_again_elsewhere(kedge: Path, tmp_path: Path) -> None:
    first, second = (_directory(tmp_path, name) for name in ("a", "b"))
    where = place(kedge, first)
    with running_controller(where) as controller:
        controller.applied("create", "secret", "generic", "kept", "--from-literal=word=hidden-treasure")
        saved = _kedge(where, "backup", f"--save-path={tmp_path}", f"--config={where.config}")
        assert saved.code == 0, saved.stderr
        archive = Path(saved.stdout.strip())
        controller.applied("create", "configmap", "later")
        refused = _kedge(where, "restore", str(archive))
        assert (refused.code, "another kedge uses it" in refused.stderr) == (1, True)
    assert archive.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.glob(".kedge-backup-*")) == []
    refused = _kedge(where, "restore", str(archive))
    assert (refused.code, "it is not empty" in refused.stderr) == (1, True)
    moved = place(kedge, second)
    restored = _kedge(moved, "restore", str(archive))
    assert restored.code == 0, restored.stderr
    assert (moved.data / "cluster.yaml").read_bytes() == where.config.read_bytes()
    with running_controller(moved) as controller:
        word = controller.applied("get", "secret", "kept", "--output=jsonpath={.data.word}")
        assert word == "aGlkZGVuLXRyZWFzdXJl"
        assert controller.kubectl("get", "configmap", "later").code == 1
    authority = Path("data", "pki", "ca.crt")
    assert (first / authority).read_bytes() == (second / authority).read_bytes()


def test_etcds_backup_is_a_cluster_again_elsewhere(kedge: Path, tmp_path: Path) -> None:
    first, second = (_directory(tmp_path, name) for name in ("a", "b"))
    where = place(kedge, first, storage={"type": "etcd"})
    with running_controller(where) as controller:
        controller.applied("create", "secret", "generic", "kept", "--from-literal=word=hidden-treasure")
        before = _revision(controller)
        saved = _kedge(where, "backup", f"--save-path={tmp_path}", f"--config={where.config}")
        assert saved.code == 0, saved.stderr
        archive = Path(saved.stdout.strip())
        controller.applied("create", "configmap", "later")
    stopped = _kedge(where, "backup", f"--save-path={tmp_path}")
    assert (stopped.code, "it is saved while the controller runs" in stopped.stderr) == (1, True)
    moved = place(kedge, second, storage={"type": "etcd"})
    restored = _kedge(moved, "restore", str(archive))
    assert restored.code == 0, restored.stderr
    with running_controller(moved) as controller:
        word = controller.applied("get", "secret", "kept", "--output=jsonpath={.data.word}")
        assert word == "aGlkZGVuLXRyZWFzdXJl"
        assert controller.kubectl("get", "configmap", "later").code == 1
        # Whoever watched the lost cluster has seen later revisions than the backup's.
        assert _revision(controller) > before + 1_000_000


def _revision(controller: Controller) -> int:
    """The revision of the store that the API server shows."""
    return int(controller.applied("get", "--raw", "/api/v1/namespaces").split('"resourceVersion":"')[1].split('"')[0])


def test_damaged_backup_leaves_nothing(kedge: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive.tar.gz"
    archive.write_bytes(b"nothing of the kind")
    where = place(kedge, _directory(tmp_path, "a"))
    refused = _kedge(where, "restore", str(archive))
    assert refused.code == 1
    assert "it is no archive of 'kedge backup'" in refused.stderr
    assert [path.name for path in where.data.iterdir()] == ["kedge.lock"]


def _directory(parent: Path, name: str) -> Path:
    directory = parent / name
    directory.mkdir()
    return directory


def _kedge(where: Place, command: str, *arguments: str) -> Result:
    return invoke(where.kedge, command, f"--data-dir={where.data}", *arguments)

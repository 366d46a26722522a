import json
from pathlib import Path

from builder.core.arch import host_arch
from tests.integration.components.controlplane import ControlPlane
from tests.integration.components.image import write_image
from tests.integration.components.invoke import Result, component_versions, invoke
from tests.integration.components.node import containerd, make_node
from tests.integration.components.process import running, wait_for

IMAGE = "registry.test/hello:1"


def test_kubectl_asks_the_api_server(control_plane: ControlPlane, kedge: Path) -> None:
    assert _kubectl(control_plane, kedge, "get", "--raw", "/readyz").stdout == "ok"
    make_node(control_plane, "edge1")
    listed = _kubectl(control_plane, kedge, "get", "nodes", "--output=name")
    assert listed.stdout == "node/edge1\n"
    versions = json.loads(_kubectl(control_plane, kedge, "version", "--output=json").stdout)
    expected = component_versions(kedge)["kubectl"]
    assert versions["clientVersion"]["gitVersion"] == versions["serverVersion"]["gitVersion"] == expected


def test_kubectl_fails_as_scripts_expect(control_plane: ControlPlane, kedge: Path) -> None:
    result = _kubectl(control_plane, kedge, "get", "node", "nobody")
    assert result.code == 1
    assert 'Error from server (NotFound): nodes "nobody" not found' in result.stderr


def _kubectl(control_plane: ControlPlane, kedge: Path, *arguments: str) -> Result:
    # Without a home directory it keeps what it learned of the API in the working directory.
    directory = control_plane.kubeconfig.parent
    return invoke(kedge, "kubectl", f"--kubeconfig={control_plane.kubeconfig}", *arguments, directory=directory)


def test_ctr_talks_to_containerd(kedge: Path, tmp_path: Path) -> None:
    settings = containerd(kedge, tmp_path)
    archive = tmp_path / "hello.tar"
    digest = write_image(archive, IMAGE, host_arch())
    ctr = ["ctr", f"--address={settings.socket}", "--namespace=test"]
    with running(settings.argv, name="containerd", directory=tmp_path) as daemon:
        wait_for(daemon, settings.socket.exists, what="listening")
        version = component_versions(kedge)["ctr"]
        assert invoke(kedge, *ctr, "version").stdout.count(f"Version:  {version}") == 2  # the client's and the server's
        imported = invoke(kedge, *ctr, "images", "import", "--no-unpack", str(archive))
        assert imported.code == 0, imported.stderr
        assert invoke(kedge, *ctr, "images", "list", "--quiet").stdout == f"{IMAGE}\n"
        manifest = json.loads(invoke(kedge, *ctr, "content", "get", digest).stdout)
        assert invoke(kedge, *ctr, "content", "get", manifest["config"]["digest"]).stdout.startswith('{"os": "linux"')

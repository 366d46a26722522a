import json
from pathlib import Path

import pytest

from tests.integration.components.invoke import component_versions, invoke

# What each component's --version says, around the version.
VERSION_TEXT = {
    "kube-apiserver": "Kubernetes {}\n",
    "kube-controller-manager": "Kubernetes {}\n",
    "kube-scheduler": "Kubernetes {}\n",
    "kubelet": "Kubernetes {}\n",
    "kube-proxy": "Kubernetes {}\n",
    "kine": "kine version {} (",
    "etcd": "etcd Version: {}\n",
    "etcdutl": "etcdutl version {}\n",
    "containerd": "containerd github.com/containerd/containerd/v2 {} ",
    "konnectivity-server": "konnectivity-server version {}\n",
    "konnectivity-agent": "konnectivity-agent version {}\n",
    "coredns": "CoreDNS-{}\n",
    "metrics-server": "{}\n",
    "flanneld": "{}\n",
    "network-policy": "{}\n",
    "node-network": "{}\n",
    "ctr": "ctr github.com/containerd/containerd/v2 {}",
    "kubectl": "Client Version: {}\n",
}
# How a component is asked for its version; kubectl alone has no flag for it.
VERSION_ARGUMENTS = {"kubectl": ("version", "--client")}
# Upstream's own text knows nothing of patches; others tell what the build says of their modules.
UNPATCHED = ("coredns",)
# These write their versions without the letter.
WITHOUT_LETTER = ("etcd", "coredns")
COMPONENTS = sorted(VERSION_TEXT)


def _expected(kedge: Path, component: str) -> str:
    version = component_versions(kedge)[component]
    if component in UNPATCHED:
        version = version.removesuffix("+patched")
    return VERSION_TEXT[component].format(version.removeprefix("v") if component in WITHOUT_LETTER else version)


def test_every_component_is_there(kedge: Path) -> None:
    assert sorted(component_versions(kedge)) == COMPONENTS


def test_versions_are_releases(kedge: Path) -> None:
    report = json.loads(invoke(kedge, "version", "-o", "json").stdout)
    for component in report["components"]:
        major, minor, patch = component["version"].removeprefix("v").split(".")
        assert (major + minor + patch.split("+")[0]).isdigit(), component
    assert report["goVersion"].startswith("go1.")
    assert report["os"] == "linux"


@pytest.mark.parametrize("component", COMPONENTS)
def test_component_tells_its_version(kedge: Path, component: str) -> None:
    result = invoke(kedge, component, *VERSION_ARGUMENTS.get(component, ("--version",)))
    assert (result.code, result.stdout[: len(_expected(kedge, component))]) == (0, _expected(kedge, component))


@pytest.mark.parametrize("component", COMPONENTS)
def test_link_starts_its_component(kedge: Path, tmp_path: Path, component: str) -> None:
    link = tmp_path / component
    link.symlink_to(kedge)
    answer = invoke(link, *VERSION_ARGUMENTS.get(component, ("--version",)))
    assert answer.stdout.startswith(_expected(kedge, component))


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize("words", [["{}", "--help"], ["help", "{}"]], ids=["flag", "command"])
def test_help_is_the_components_own(kedge: Path, component: str, words: list[str]) -> None:
    result = invoke(kedge, *(word.format(component) for word in words))
    assert result.code == 0
    help_text = result.stderr if component == "coredns" else result.stdout
    assert component in help_text
    # A flag or command that nobody but this component has.
    own = {
        "kube-apiserver": "--service-account-issuer",
        "kube-controller-manager": "--cluster-signing-cert-file",
        "kube-scheduler": "--leader-elect",
        "kubelet": "--hostname-override",
        "kube-proxy": "--masquerade-all",
        "kine": "--compact-interval",
        "etcd": "--quota-backend-bytes",
        "etcdutl": "defrag",
        "containerd": "oci-hook",
        "konnectivity-server": "--proxy-strategies",
        "konnectivity-agent": "--agent-identifiers",
        "coredns": "-dns.port",
        "metrics-server": "--kubelet-insecure-tls",
        "flanneld": "-kube-subnet-mgr",
        "network-policy": "--sync-period",
        "node-network": "--socket",
        "ctr": "--connect-timeout",
        "kubectl": "rollout",
    }
    assert own[component] in help_text


def test_version_for_people(kedge: Path) -> None:
    result = invoke(kedge, "version")
    assert result.code == 0
    own, *others = (line.split()[0] for line in result.stdout.splitlines())
    assert (own, sorted(others)) == ("kedge", COMPONENTS)


def test_all_versions(kedge: Path) -> None:
    report = json.loads(invoke(kedge, "version", "--all", "-o", "json").stdout)
    assert sorted(component["name"] for component in report["components"]) == COMPONENTS
    assert report["build"]["settings"]["-trimpath"] == "true"
    assert report["build"]["settings"]["GOOS"] == "linux"
    assert report["build"]["settings"]["GOARCH"] == report["arch"]


def test_flags_of_other_components_are_not_corednss(kedge: Path) -> None:
    result = invoke(kedge, "coredns", "-v=2")
    assert result.code == 2
    assert "flag provided but not defined: -v" in result.stderr


def test_own_version_flag_is_not_kubernetes(kedge: Path) -> None:
    assert invoke(kedge, "--version").stdout.startswith("kedge version ")


def test_help_lists_all_components(kedge: Path) -> None:
    result = invoke(kedge, "--help")
    assert result.code == 0
    assert all(f"  {component} " in result.stdout for component in COMPONENTS)


def test_misspelt_component_gets_a_hint(kedge: Path) -> None:
    result = invoke(kedge, "kube-apisevrer", "--secure-port=6443")
    assert result.code == 2
    assert "Did you mean 'kube-apiserver'?" in result.stderr
    assert result.stdout == ""


def test_unknown_flag_of_a_component_is_the_components_error(kedge: Path) -> None:
    result = invoke(kedge, "kube-scheduler", "--nonsense")
    assert result.code == 1
    assert "unknown flag: --nonsense" in result.stderr

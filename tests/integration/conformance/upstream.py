"""Upstream's hollow node and end-to-end tests, built at the versions that kedge is built of."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import yaml

from builder.formats.gomod import read_requirements

ROOT = Path(__file__).resolve().parents[3]
MODULE = ROOT / "cluster" / "e2e"
VERSION = read_requirements(MODULE / "go.mod")["k8s.io/kubernetes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """Two executables: one that pretends to be a node, one that holds all end-to-end tests."""

    hollow_node: Path
    tests: Path

    def conformance_tests(self, *groups: str) -> list[str]:
        """The full names of the conformance tests of these groups, such as `api-machinery`."""
        result = subprocess.run([self.tests, "-list-conformance-tests"], capture_output=True, text=True, check=True)
        names = [str(each["codename"]) for each in yaml.safe_load(result.stdout)]
        prefixes = tuple(f"[sig-{group}] " for group in groups)
        return [name for name in names if name.startswith(prefixes)]


def built_hollow_node(directory: Path) -> Path:
    """Build it alone, which takes seconds once kedge was built."""
    return _go("build", "k8s.io/kubernetes/cmd/kubemark", output=directory / "kubemark")


def built_upstream(directory: Path) -> Upstream:
    """Build both; the tests take minutes where the cache of the Go command is cold."""
    tests = _go("test", "-vet=off", "-c", "k8s.io/kubernetes/test/e2e", output=directory / "e2e.test")
    return Upstream(hollow_node=built_hollow_node(directory), tests=tests)


def _go(command: str, *arguments: str, output: Path) -> Path:
    go = (str(ROOT / "builderw"), "tool", "--directory", str(MODULE), "go")
    subprocess.run([*go, command, f"-ldflags=-s -w {_version()}", f"-o={output}", *arguments], check=True)
    return output


def _version() -> str:
    """Linker flags: tests of Pod Security ask which version they are of."""
    major, minor, _ = VERSION.removeprefix("v").split(".")
    values = {"gitVersion": VERSION, "gitMajor": major, "gitMinor": minor}
    return " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in values.items())

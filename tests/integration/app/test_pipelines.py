"""The templates of pipelines: what their jobs run works, with the small cluster in place of kedge."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from builder.core.errors import ExitCode
from tests.integration.airgap.conftest import Judges, judges, minisign, runner  # noqa: F401 - fixtures
from tests.integration.airgap.minisign import Minisign
from tests.integration.airgap.registry import Registry, running_registry
from tests.integration.app.checkout import REPOSITORY
from tests.integration.app.driver import Builder
from tests.integration.app.test_scripts import scripted  # noqa: F401 - a fixture

_PLACE = REPOSITORY / "docs/pipelines"
_EXPRESSION = re.compile(r"\$\{\{ *([a-z_.A-Z]+) *\}\}")
_VERSION = "v1.4.0"


def template(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.load((_PLACE / name).read_text(), Loader=yaml.BaseLoader)  # noqa: S506 - `on` stays a word
    return document


def scripts(name: str, job: str) -> list[str]:
    """The scripts that a job runs, in their order."""
    found = template(name) if name == "gitlab.yml" else template(name)["jobs"]
    if name == "gitlab.yml":
        return [*template(name)["before_script"], *found[job]["script"]]
    # As after a push: what is for changes of strangers is the same without giving anything to the cache.
    steps = [step for step in found[job]["steps"] if step.get("if") != "github.event_name == 'pull_request'"]
    return [step["run"] for step in steps if "run" in step]


@pytest.fixture
def registry(judges: Judges, tmp_path: Path) -> Iterator[Registry]:  # noqa: F811
    with running_registry(judges("docker-registry"), tmp_path / "registry") as registry:
        yield registry


@pytest.fixture
def runs(scripted: Builder, registry: Registry, minisign: Minisign, place: Path) -> "Runs":  # noqa: F811 - fixtures
    """A runner of pipelines."""
    minisign.make_keys("-W")
    (place / "visitor").mkdir()
    home = registry.home(place / "visitor")
    return Runs(
        builder=replace(scripted, extra={**scripted.extra, "HOME": str(home)}), host=registry.host, key=minisign.secret
    )


class Runs:
    """Runs what a job runs, as its server would: expressions filled in, variables set."""

    def __init__(self, *, builder: Builder, host: str, key: Path) -> None:
        self.builder = builder
        self._host = host
        self._expressions = {
            "matrix.arch": "armv7",
            "github.repository_owner": "team",
            "github.ref_name": _VERSION,
            "vars.REGISTRY": f"{host}/team",
        }
        home = builder.environment["HOME"]
        self._variables = {
            "CACHE": f"oci://{host}/team/edge-cache",
            "ARCH": "armv7",
            "VERSION": _VERSION,
            "CI_COMMIT_TAG": _VERSION,
            "CI_REGISTRY_IMAGE": f"{host}/team",
            "DOCKER_CONFIG": f"{home}/.docker",
            "CI_REGISTRY": host,
            "CI_REGISTRY_USER": "builder",
            "CI_REGISTRY_PASSWORD": "a long secret",
        }
        self._key = key

    def run(self, script: str, *, key_as_file: bool) -> None:
        filled = _EXPRESSION.sub(lambda match: self._expressions[match[1]], script).replace("ghcr.io", self._host)
        environment = {name: value for name, value in self.builder.environment.items() if name != "PYTHONPATH"}
        key = str(self._key) if key_as_file else self._key.read_text().rstrip("\n")
        done = subprocess.run(
            ["/bin/sh", "-e", "-c", filled],
            cwd=self.builder.checkout.root,
            env={**environment, **self._variables, "PUBLISHER_KEY": key},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{filled}\n{done.stdout}{done.stderr}"


def runs_here(script: str) -> bool:
    """Whether it needs no more than the checkout: packages of the machine and the server's own command line are left out."""
    return not script.startswith("apt-get") and "gh release" not in script


@pytest.mark.parametrize("name", ["github.yml", "gitlab.yml", "forgejo.yml"])
def test_what_jobs_run_works(runs: Runs, name: str) -> None:
    shutil.rmtree(runs.builder.checkout.out, ignore_errors=True)
    for job in ("build", "release"):
        for script in filter(runs_here, scripts(name, job)):
            runs.run(script, key_as_file=name == "gitlab.yml")
    release = runs.builder.checkout.out / "edge/releases" / _VERSION
    assert (release / "SHA256SUMS.minisig").exists()
    assert not (runs.builder.checkout.root / "publisher.key").exists()
    report = ET.parse(runs.builder.checkout.root / "junit.xml").getroot()  # noqa: S314 - our own file
    assert report.get("failures") == "0"
    assert {case.get("name") for case in report} >= {"executable"}


@pytest.mark.parametrize(
    ("name", "schema"),
    [("github.yml", "github-workflows"), ("gitlab.yml", "gitlab-ci"), ("forgejo.yml", "github-workflows")],
)
def test_servers_take_the_templates(name: str, schema: str) -> None:
    command = [sys.executable, "-P", "-m", "check_jsonschema", f"--builtin-schema=vendor.{schema}", str(_PLACE / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["github.yml", "gitlab.yml", "forgejo.yml"])
def test_every_architecture_has_a_job_and_locks_are_updated(name: str) -> None:
    text = (_PLACE / name).read_text()
    assert "[armv7, arm64, amd64]" in text
    assert "./builderw lock --update --only debian" in text


def test_a_failed_step_is_told_in_the_report(builder: Builder) -> None:
    builder.checkout.main.write_text("package main\n\nfunc main() { nonsense }\n")
    done = builder.run("make", "--arch", "armv7", "--junit", str(builder.checkout.root / "junit.xml"))
    assert done.code == 1
    report = ET.parse(builder.checkout.root / "junit.xml").getroot()  # noqa: S314 - our own file
    assert (report.get("tests"), report.get("failures")) == ("2", "1")
    (failure,) = report.iter("failure")
    assert "nonsense" in (failure.text or "")


def test_the_guide_has_every_exit_code() -> None:
    text = (REPOSITORY / "docs/guides/pipelines.md").read_text()
    assert [int(number) for number in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)] == [
        int(code) for code in ExitCode
    ]

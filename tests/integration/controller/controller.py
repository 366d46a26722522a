"""`kedge controller` as a user starts it, with a configuration that moves its ports."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.components.invoke import Result, invoke
from tests.integration.components.ports import free_ports
from tests.integration.components.process import START_TIMEOUT_S, Daemon, running, wait_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a controller is: its executable, its directories, its ports."""

    kedge: Path
    directory: Path
    config: Path
    api_port: int
    agent_port: int

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def run(self) -> Path:
        return self.directory / "run"

    def argv(self, *arguments: str) -> list[str]:
        """The command line that starts it."""
        directories = (f"--data-dir={self.data}", f"--run-dir={self.run}")
        return [str(self.kedge), "controller", f"--config={self.config}", *directories, *arguments]


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """A controller that runs."""

    place: Place
    daemon: Daemon

    def kubectl(self, *arguments: str) -> Result:
        kubeconfig = self.place.data / "pki" / "admin.conf"
        return invoke(
            self.place.kedge, "kubectl", f"--kubeconfig={kubeconfig}", *arguments, directory=self.place.directory
        )

    def applied(self, *arguments: str) -> str:
        """What kubectl printed; it must succeed."""
        result = self.kubectl(*arguments)
        assert result.code == 0, result.stderr
        return result.stdout

    def status(self) -> dict[str, Any]:
        """What `kedge status` tells; empty when nobody answers."""
        directories = (f"--data-dir={self.place.data}", f"--run-dir={self.place.run}")
        result = invoke(self.place.kedge, "status", "-o", "json", *directories)
        report: dict[str, Any] = json.loads(result.stdout) if result.stdout else {}
        return report

    def is_ready(self) -> bool:
        return bool(self.status().get("ready"))

    def pids(self) -> dict[str, int]:
        """The components that are processes and run."""
        parts = self.status().get("components", [])
        return {part["name"]: part["process"]["pid"] for part in parts if part.get("process", {}).get("pid")}

    def wait_until_ready(self) -> None:
        wait_for(self.daemon, self.is_ready, what="ready", timeout_s=2 * START_TIMEOUT_S)


def place(kedge: Path, directory: Path, **spec: object) -> Place:
    """Choose ports and write the configuration; `spec` is merged into it, section by section."""
    api, agent, admin, controller_manager, scheduler = free_ports(5)
    sections: dict[str, object] = {
        "api": {"port": api},
        # The port after the second tells the tunnel's health.
        "konnectivity": {"agentPort": agent, "adminPort": admin},
        "controllerManager": {"extraArgs": {"secure-port": str(controller_manager)}},
        "scheduler": {"extraArgs": {"secure-port": str(scheduler)}},
    }
    for name, values in spec.items():
        own = sections.get(name)
        sections[name] = {**own, **values} if isinstance(own, dict) and isinstance(values, dict) else values
    config = {"apiVersion": "kedge/v1", "kind": "ClusterConfig", "spec": sections}
    path = directory / "cluster.yaml"
    path.write_text(json.dumps(config))  # JSON is YAML
    return Place(kedge=kedge, directory=directory, config=path, api_port=api, agent_port=agent)


@contextmanager
def started_controller(where: Place, *arguments: str) -> Iterator[Controller]:
    """A controller that was started, and may not be ready yet."""
    with running(where.argv(*arguments), name="kedge", directory=where.directory) as daemon:
        yield Controller(place=where, daemon=daemon)


@contextmanager
def running_controller(where: Place, *arguments: str) -> Iterator[Controller]:
    """A controller that is ready."""
    with started_controller(where, *arguments) as controller:
        controller.wait_until_ready()
        yield controller

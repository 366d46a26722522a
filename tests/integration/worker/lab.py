"""A cluster of machines in namespaces: one with a controller, others that are its workers."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.integration.components.process import Daemon, clean_environment, running, wait_for
from tests.integration.worker.machine import Machine, bridged, control_groups, run, running_machine

NETWORK = "172.31.99"
_PATIENCE_S = 120
_REFUSAL_TIMEOUT_S = 60
_POLL_S = 0.2
# The disk is the host's, which may be as full as it likes, and so are the control groups.
ON_THIS_HOST = {
    "failCgroupV1": False,
    "evictionHard": dict.fromkeys(
        ("nodefs.available", "imagefs.available", "nodefs.inodesFree", "imagefs.inodesFree"), "0%"
    ),
    "imageGCHighThresholdPercent": 100,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A worker: its machine, and what kedge is started with."""

    machine: Machine
    kedge: Path
    arguments: Sequence[str]

    def _argv(self, more: Sequence[str]) -> list[str]:
        return self.machine.inside(self.kedge, "worker", f"--node-name={self.machine.name}", *self.arguments, *more)

    @contextmanager
    def running(self, *more: str) -> Iterator[Daemon]:
        """kedge as it runs until the context ends. Pods go on after that."""
        with running(
            self._argv(more), name=f"worker-{self.machine.name}", directory=self.machine.data.parent
        ) as daemon:
            yield daemon
        # Its first process is nsenter, which does not wait for what it started.
        if self.machine.is_running():
            self.machine.run("flock", "--timeout=60", "/var/lib/kedge/kedge.lock", "true")

    def refused(self, *more: str) -> str:
        """What kedge says last where it ends by itself."""
        done = subprocess.run(
            self._argv(more),
            capture_output=True,
            text=True,
            env=clean_environment({}),
            timeout=_REFUSAL_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode in (1, 2), done.stderr
        return done.stderr.splitlines()[-1] if done.stderr else ""

    def status(self) -> dict[str, Any]:
        """What `kedge status` tells; empty while nobody answers."""
        try:
            answer = run([*self.machine.inside("sh", "-c", f"{self.kedge} status -o json || true")])
        except AssertionError:
            return {}
        report: dict[str, Any] = json.loads(answer) if answer else {}
        return report

    def wait_until_ready(self, daemon: Daemon) -> None:
        wait_for(daemon, lambda: bool(self.status().get("ready")), what="ready", timeout_s=_PATIENCE_S)

    def wait_for(self, holds: Callable[[], bool], *, what: str, daemon: Daemon | None = None) -> None:
        """Wait until it holds."""
        give_up_s = time.monotonic() + _PATIENCE_S
        while not holds():
            if time.monotonic() > give_up_s:
                problem = f"after {_PATIENCE_S} s it is not {what}"
                raise AssertionError(daemon.report(problem) if daemon else problem)
            time.sleep(_POLL_S)

    def pids(self) -> dict[str, int]:
        """The components that are processes and run, with their numbers within the machine."""
        parts = self.status().get("components", [])
        return {part["name"]: part["process"]["pid"] for part in parts if part.get("process", {}).get("pid")}

    def add_bundle(self, bundle: Path) -> None:
        """Put a bundle into the directory of images, as somebody copies it."""
        images = self.machine.data / "images"
        images.mkdir(exist_ok=True)
        shutil.copy(bundle, images / bundle.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """A controller that is ready, and machines that may join."""

    kedge: Path
    directory: Path
    hub: Machine
    machines: Sequence[Machine]
    controller: Daemon
    profiles: dict[str, str] = field(default_factory=dict)

    def kubectl(self, *arguments: str) -> str:
        """What kubectl printed; it must succeed."""
        kubeconfig = self.hub.data / "pki" / "admin.conf"
        return run(self.hub.inside(self.kedge, "kubectl", f"--kubeconfig={kubeconfig}", *arguments))

    def apply(self, *manifests: dict[str, Any]) -> None:
        """Make the cluster have these objects."""
        file = self.directory / f"{time.monotonic_ns()}.json"
        file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests}))
        self.kubectl("apply", "--server-side", f"--filename={file}")

    def get(self, *arguments: str) -> dict[str, Any]:
        """An object, or a list of them."""
        found: dict[str, Any] = json.loads(self.kubectl("get", "--output=json", *arguments))
        return found

    def token(self, *arguments: str) -> Path:
        """A file with a new join token, which all machines see."""
        file = self.directory / f"token-{time.monotonic_ns()}"
        file.write_text(run(self.hub.inside(self.kedge, "token", "create", *arguments)))
        return file

    def node(self, index: int, *arguments: str) -> Node:
        """The worker that a machine becomes when it is started with these arguments."""
        machine = self.machines[index]
        return Node(
            machine=machine, kedge=self.kedge, arguments=(f"--profile={self.profiles[machine.name]}", *arguments)
        )

    def wait_for(self, what: str, holds: Callable[[], bool]) -> None:
        """Wait until it holds; fails with the state of the cluster."""
        give_up_s = time.monotonic() + _PATIENCE_S
        while not holds():
            if time.monotonic() > give_up_s:
                seen = self.kubectl("get", "nodes,pods,events", "--all-namespaces")
                raise AssertionError(f"after {_PATIENCE_S} s it is not so that {what}\n{seen}")
            time.sleep(_POLL_S)

    def wait_for_pods(self, selector: str, count: int = 1) -> list[dict[str, Any]]:
        """The pods of the default namespace with these labels, once so many are ready."""

        def ready() -> list[dict[str, Any]]:
            pods: list[dict[str, Any]] = self.get("pods", f"--selector={selector}")["items"]
            return [pod for pod in pods if _is_ready(pod)]

        self.wait_for(f"{count} pods with {selector} are ready", lambda: len(ready()) == count)
        return ready()


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


@contextmanager
def running_lab(kedge: Path, directory: Path, names: Sequence[str], **spec: object) -> Iterator[Lab]:
    """A controller and machines with these names, one after the other at .11, .12, …"""
    with prepared_lab(kedge, directory, names, lambda _: None, spec) as lab:
        yield lab


@contextmanager
def prepared_lab(
    kedge: Path, directory: Path, names: Sequence[str], prepare: Callable[[Path], None], spec: Mapping[str, object]
) -> Iterator[Lab]:
    """As `running_lab`; `prepare` is given the controller's data directory before the first start."""
    with ExitStack() as stack:
        profiles = {}
        for name in names:  # before the machines, so that nothing is left in the groups when they are removed
            group = stack.enter_context(control_groups(f"kedge-test-{os.getpid()}-{name}"))
            profiles[name] = {"name": name, "values": {"cgroupRoot": group, **ON_THIS_HOST}}
        hub = stack.enter_context(running_machine("hub", directory))
        machines = [stack.enter_context(running_machine(name, directory)) for name in names]
        stack.enter_context(bridged(hub, machines, NETWORK))
        prepare(hub.data)
        config = directory / "cluster.yaml"
        document = {
            "apiVersion": "kedge/v1",
            "kind": "ClusterConfig",
            "spec": {"workerProfiles": list(profiles.values()), **spec},
        }
        config.write_text(json.dumps(document))  # JSON is YAML
        argv = hub.inside(kedge, "controller", f"--config={config}")
        controller = stack.enter_context(running(argv, name="controller", directory=directory))
        lab = Lab(
            kedge=kedge,
            directory=directory,
            hub=hub,
            machines=machines,
            controller=controller,
            profiles={name: name for name in names},
        )
        _wait_for_controller(lab)
        yield lab


def _wait_for_controller(lab: Lab) -> None:
    command = lab.hub.inside("sh", "-c", f"{lab.kedge} status -o json || true")
    wait_for(lab.controller, lambda: '"ready": true' in run(command), what="ready", timeout_s=_PATIENCE_S)

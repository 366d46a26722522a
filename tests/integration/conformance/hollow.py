"""Hollow nodes: upstream's kubelet on a container runtime that only pretends, joined with a token as any node."""

import base64
import gzip
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.integration.components.invoke import invoke
from tests.integration.components.ports import free_ports
from tests.integration.components.process import Daemon, running, wait_for
from tests.integration.controller.controller import Controller

JOIN_TIMEOUT_S = 300


@contextmanager
def hollow_nodes(executable: Path, controller: Controller, count: int) -> Iterator[list[Daemon]]:
    """That many nodes, `hollow-1` and so on, all of them Ready."""
    token = _bootstrap_kubeconfig(controller)
    ports = free_ports(2 * count)
    with ExitStack() as stack:
        daemons = [
            stack.enter_context(
                _hollow_node(executable, controller, f"hollow-{number + 1}", token, ports[2 * number :])
            )
            for number in range(count)
        ]
        wait_for(
            controller.daemon,
            lambda: len(ready_nodes(controller)) == count,
            what=f"with {count} nodes that are ready",
            timeout_s=JOIN_TIMEOUT_S,
        )
        yield daemons


def ready_nodes(controller: Controller) -> list[str]:
    """The names of the nodes that say that they are."""
    template = '{range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}'
    lines = controller.applied("get", "nodes", f"--output=jsonpath={template}").splitlines()
    return [line.removesuffix(" True") for line in lines if line.endswith(" True")]


def _bootstrap_kubeconfig(controller: Controller) -> Path:
    where = controller.place
    arguments = (f"--data-dir={where.data}", f"--run-dir={where.run}")
    token = invoke(where.kedge, "token", "create", *arguments, directory=where.directory)
    assert token.code == 0, token.stderr
    path = where.directory / "bootstrap.conf"
    path.write_bytes(gzip.decompress(base64.b64decode(token.stdout)))
    return path


@contextmanager
def _hollow_node(
    executable: Path, controller: Controller, name: str, bootstrap: Path, ports: list[int]
) -> Iterator[Daemon]:
    place = controller.place.directory / name
    place.mkdir()
    argv = [
        *(str(executable), "--morph=kubelet", "--use-host-image-service=false", f"--name={name}"),
        *(f"--bootstrap-kubeconfig={bootstrap}", f"--kubeconfig={place}/kubeconfig", f"--cert-dir={place}/pki"),
        *(f"--kubelet-port={ports[0]}", f"--kubelet-read-only-port={ports[1]}"),
    ]
    with running(argv, name=name, directory=place, environment={"TMPDIR": str(place)}) as daemon:
        yield daemon

"""A node in a network namespace of its own, and pods in theirs, which the CNI plugins connect."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

# Neither nft nor iptables of this machine may be found: the plugins have to bring what they use.
NO_TOOLS = "/nowhere"
_IN_NAMESPACE = ("unshare", "--net", "/bin/sh", "-c", "echo ready && exec cat")


class PluginError(Exception):
    """A plugin failed; the text is what it reports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A network namespace that the process `pid` keeps alive."""

    name: str
    pid: int

    @property
    def namespace(self) -> str:
        return f"/proc/{self.pid}/ns/net"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """The namespaces of the process `pid`: user, mount and network. `state` is where plugins keep theirs."""

    pid: int
    helpers: Path
    state: Path
    stack: ExitStack = field(repr=False)

    def enter(self, *argv: str, pod: Pod | None = None) -> list[str]:
        """`argv` as a command that runs on the node, or in the network of `pod`."""
        outer = ["nsenter", f"--target={self.pid}", "--user", "--mount", "--net", "--preserve-credentials"]
        return [*outer, *(["nsenter", f"--net={pod.namespace}"] if pod else []), *argv]

    def run(self, *argv: str, pod: Pod | None = None) -> str:
        done = subprocess.run(self.enter(*argv, pod=pod), capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr}"
        return done.stdout

    def ruleset(self) -> str:
        return self.run(str(self.helpers / "bin/nft"), "list", "ruleset")

    def pod(self, name: str) -> Pod:
        holder = subprocess.Popen(
            self.enter(*_IN_NAMESPACE), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.stack.callback(holder.communicate)
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"ready\n"
        return Pod(name=name, pid=holder.pid)

    def call(
        self, plugin: str, command: str, config: Mapping[str, Any], pod: Pod, *, directory: Path | None = None
    ) -> dict[str, Any]:
        """Start a plugin as a container runtime does (CNI specification, section 2); its result."""
        place = directory or self.helpers / "cni"
        environment = {
            "CNI_COMMAND": command, "CNI_CONTAINERID": pod.name, "CNI_NETNS": pod.namespace, "CNI_IFNAME": "eth0",
            "CNI_PATH": str(place), "PATH": NO_TOOLS,
        }  # fmt: skip
        wrapped = self.enter("/usr/bin/env", "-i", *(f"{k}={v}" for k, v in environment.items()), str(place / plugin))
        done = subprocess.run(wrapped, input=json.dumps(config), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise PluginError(f"{done.stdout}{done.stderr}")
        result: dict[str, Any] = json.loads(done.stdout) if done.stdout else {}
        return result

    def bridge(self, subnet: str, name: str) -> dict[str, Any]:
        """The configuration of a bridge whose pods get addresses of `subnet`."""
        ipam = {
            "type": "host-local", "dataDir": str(self.state), "ranges": [[{"subnet": subnet}]], "routes": [{"dst": "0.0.0.0/0"}]
        }  # fmt: skip
        return {
            "cniVersion": "1.0.0", "name": name, "type": "bridge", "bridge": name, "isGateway": True, "ipMasq": True,
            "ipam": ipam,
        }  # fmt: skip


@contextmanager
def running_node(helpers: Path, state: Path) -> Iterator[Node]:
    """A node without any interface but a loopback; skips the test where this user may not make namespaces."""
    argv = ["unshare", "--map-root-user", "--mount", *_IN_NAMESPACE[1:]]
    with ExitStack() as stack:
        holder = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        stack.callback(holder.communicate)
        assert holder.stdout is not None
        if holder.stdout.readline() != b"ready\n":
            pytest.skip(f"namespaces cannot be made here: {' '.join(argv)} fails")
        node = Node(pid=holder.pid, helpers=helpers, state=state / "addresses", stack=stack)
        # /run holds what plugins lock, /sys shows the network of whoever mounted it.
        node.run("mount", "-t", "tmpfs", "tmpfs", "/run")
        node.run("mount", "-t", "sysfs", "sysfs", "/sys")
        node.run("ip", "link", "set", "lo", "up")
        yield node


def address_of(result: Mapping[str, Any]) -> str:
    """The first address of a plugin's result, without the length of its prefix."""
    return str(result["ips"][0]["address"]).partition("/")[0]


@contextmanager
def listening(node: Node, pod: Pod, port: int, answer: str) -> Iterator[None]:
    """A TCP server in `pod` that says `answer` to whoever connects."""
    code = (
        "import socket,sys\n"
        "server = socket.create_server(('', int(sys.argv[1])))\n"
        "print('ready', flush=True)\n"
        "while True:\n"
        "    connection, _ = server.accept()\n"
        "    connection.sendall(sys.argv[2].encode())\n"
        "    connection.close()\n"
    )
    process = subprocess.Popen(
        node.enter(sys.executable, "-I", "-c", code, str(port), answer, pod=pod), stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield
    finally:
        process.kill()
        process.communicate()


def ask(node: Node, pod: Pod | None, address: str, port: int) -> str:
    """What a TCP server says, empty where nobody listens."""
    code = (
        "import socket,sys\n"
        "try:\n"
        "    print(socket.create_connection((sys.argv[1], int(sys.argv[2])), 3).makefile().read(), end='')\n"
        "except OSError as error:\n"
        "    print(error, file=sys.stderr)\n"
    )
    return node.run(sys.executable, "-I", "-c", code, address, str(port), pod=pod)

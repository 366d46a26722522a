"""Runs kube-proxy until it is healthy, in a network namespace that holds nothing else: `python -m ... KEDGE DIRECTORY NFT`.

kube-proxy writes packet filter rules. In a namespace of its own they are gone with it, and the host's are not touched.
"""

import fcntl
import socket
import struct
import subprocess
import sys
from pathlib import Path

from tests.integration.components.controlplane import running_control_plane
from tests.integration.components.health import OK, get
from tests.integration.components.node import make_node
from tests.integration.components.ports import LOOPBACK, free_ports
from tests.integration.components.process import running, wait_for

# From linux/sockios.h and linux/if.h.
SIOCSIFFLAGS = 0x8914
IFF_UP = 0x1
TABLES = ["table ip kube-proxy", "table ip6 kube-proxy"]


def main(kedge: Path, directory: Path, nft: Path) -> None:
    """Return when kube-proxy is healthy and has made its tables."""
    _bring_loopback_up()
    with running_control_plane(kedge, directory / "cp") as plane:
        make_node(plane, "edge1")
        healthz, metrics = free_ports(2)
        argv = [
            *(str(kedge), "kube-proxy", "--proxy-mode=nftables", "--hostname-override=edge1"),
            f"--kubeconfig={plane.kubeconfig}",
            f"--healthz-bind-address={LOOPBACK}:{healthz}",
            f"--metrics-bind-address={LOOPBACK}:{metrics}",
            # 0 leaves the kernel's settings as they are.
            *(f"--conntrack-{name}=0" for name in ("max-per-core", "min", "tcp-timeout-established")),
            "--conntrack-tcp-timeout-close-wait=0",
        ]
        environment = {"PATH": str(nft.parent)}
        with running(argv, name="kube-proxy", directory=directory, environment=environment) as daemon:
            wait_for(daemon, lambda: get(f"http://{LOOPBACK}:{healthz}/healthz").status == OK, what="healthy")
            wait_for(daemon, lambda: _tables(nft) == TABLES, what="enforcing services")


def _tables(nft: Path) -> list[str]:
    return subprocess.run([nft, "list", "tables"], capture_output=True, text=True, check=True).stdout.splitlines()


def _bring_loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

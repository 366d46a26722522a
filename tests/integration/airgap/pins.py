"""Debian's tools that bundles are judged by.

`python -m tests.integration.airgap.pins` pins the newest of them anew.
"""

from pathlib import Path

from tests.integration.debian_sets import DebianSets

SETS = DebianSets(
    lock=Path(__file__).with_name("packages.json"),
    packages={
        "docker": ("docker.io", "iptables"),
        **{name: (name,) for name in ("containerd", "docker-registry", "minisign", "skopeo")},
    },
)

if __name__ == "__main__":
    SETS.pin()

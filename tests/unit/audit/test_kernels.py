"""Kernels of a root file system that lack what the cluster needs."""

import json

from builder.audit.rootfs.kernel import audit_kernels, read_kernel_needs
from builder.rootfs.tree import Tree

NEEDS = read_kernel_needs(
    json.dumps(
        [
            {"option": "VETH", "module": "veth", "for": "network of pods", "need": "required", "roles": ["worker"]},
            {"option": "PSI", "for": "figures", "need": "recommended", "roles": ["worker"]},
        ]
    ).encode(),
    "needs.json",
)


def told(config: str, modules: str = "") -> list[tuple[str, str]]:
    made = Tree()
    made.write("boot/config-6.1.0", config)
    made.write("boot/vmlinuz-6.1.0", "")
    made.write("usr/lib/modules/6.1.0/modules.dep", modules)
    return [(one.path, one.what) for one in audit_kernels(made, NEEDS)]


def test_what_is_there() -> None:
    assert told("CONFIG_VETH=y\n") == []
    assert told("CONFIG_VETH=m\n", "kernel/drivers/net/veth.ko.xz: kernel/x.ko.xz\n") == []


def test_what_is_missing() -> None:
    assert told("# CONFIG_VETH is not set\n") == [("/boot/config-6.1.0", "CONFIG_VETH is not set: network of pods")]
    assert told("CONFIG_VETH=m\n", "kernel/x.ko: kernel/veth.ko\n") == [
        ("/boot/config-6.1.0", "CONFIG_VETH=m, but the module veth is not there: network of pods")
    ]


def test_a_root_file_system_without_a_kernel_has_nothing_to_judge() -> None:
    assert list(audit_kernels(Tree(), NEEDS)) == []

"""The control plane of an armv7 image, with as much memory as small devices have."""

from collections.abc import Callable

import pytest

from tests.qemu.lab import BOOT_S, Lab, facts, told

# What a control plane may take to be ready, emulated.
READY_S = 3600.0
# Seconds of the guest's time until its memory is looked at.
_REST_S = 600


@pytest.mark.slow
@pytest.mark.parametrize("memory_mib", [1024, 512, 384])
def test_a_control_plane_is_ready_on_one_core(
    memory_mib: int, lab: Lab, record_property: Callable[[str, object], None]
) -> None:
    device = lab.device("device", "generic-armv7", "virt-armv7")
    with lab.start(device, memory_mib=memory_mib) as machine:
        assert facts(machine)["state"] == "running"
        machine.console.send_line("")
        machine.expect(r"# $", BOOT_S)
        machine.console.send_line(f"/usr/lib/test/tell-controller {_REST_S}")
        said = told(machine.expect(r"(?s)KEDGE-TEST unit=.*KEDGE-TEST controller=yes", READY_S)[0])
    assert (said["unit"], said["readyz"], said["killed"]) == ("active", "ok", "0"), said
    assert "namespace/kube-system" in said["namespaces"]
    for jump in ("400-days", "400-days-ago"):
        readyz, _, written = said[f"jump.{jump}"].split(maxsplit=2)
        assert (readyz, written.startswith("configmap/at-")) == ("ok", True), said
    assert said["restarts"] == "0"
    kib = [int(value.split()[0]) for name, value in said.items() if name.startswith("anonymous-kib.")]
    record_property("anonymous_kib", sum(kib))
    record_property("ready_s", said["seconds"])

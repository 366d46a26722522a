"""What is asked for, before anything starts."""

import pytest

from builder.app.run.start import choose_accelerator, parse_forward
from builder.core.arch import Arch, host_arch
from builder.core.errors import RecipeError
from builder.vm.kvm import KvmFacts
from builder.vm.machines import default_machine, read_machine
from builder.vm.setup import Accelerator, Forward
from tests.unit.app.run.test_find import MACHINES


def test_forwards() -> None:
    assert parse_forward("2222:22") == Forward(host_port=2222, guest_port=22)


@pytest.mark.parametrize("text", ["22", "a:b", "0:22", "22:65536", "2222:", "-1:22", "1:2:3", "²:22"])
def test_forwards_that_are_none(text: str) -> None:
    with pytest.raises(RecipeError, match="must be two port numbers"):
        parse_forward(text)


def test_kvm_is_used_where_a_guest_runs_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    machines = {arch: read_machine(MACHINES, default_machine(MACHINES, arch)) for arch in Arch}
    native = machines.pop(host_arch())
    for stage, wanted in (("", Accelerator.KVM), ("run", Accelerator.TCG)):
        monkeypatch.setattr("builder.app.run.start.probe_kvm", lambda _, stage=stage: KvmFacts(stage=stage, error=0))
        assert choose_accelerator(native, emulate=False) is wanted
        assert choose_accelerator(native, emulate=True) is Accelerator.TCG
        assert {choose_accelerator(machine, emulate=False) for machine in machines.values()} == {Accelerator.TCG}

"""Machines as data: what is shipped, and what is said of mistakes."""

from pathlib import Path

import pytest

from builder.core.arch import Arch
from builder.core.errors import RecipeError
from builder.vm.machines import default_machine, machine_names, read_machine

MACHINES = Path(__file__).parents[3] / "recipes" / "machines"
GOOD = MACHINES / "virt-armv7.yaml"


@pytest.mark.parametrize("name", machine_names(MACHINES))
def test_shipped_machines_are_read(name: str) -> None:
    machine = read_machine(MACHINES, name)
    assert machine.title
    assert machine.uefi is None or machine.card is None


def test_every_architecture_has_one_default() -> None:
    machines = [read_machine(MACHINES, name) for name in machine_names(MACHINES)]
    assert sorted(machine.arch for machine in machines if machine.default) == sorted(Arch)
    assert default_machine(MACHINES, Arch.AMD64) == "q35-uefi"


def test_an_architecture_without_default_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no machine is the default for arm64"):
        default_machine(tmp_path, Arch.ARM64)


def test_an_unknown_machine_is_told_with_the_nearest() -> None:
    with pytest.raises(RecipeError, match=r"no machine 'raspi3'; did you mean 'raspi3b'\? known: bpim2u, .*virt-armv7"):
        read_machine(MACHINES, "raspi3")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("cores: 2", "cors: 2", "unknown key; did you mean 'cores'?"),
        ("cores: 2", "cors: 2", "cores: is required, but missing"),
        ("cores: 2", "cores: two", "cores: must be a whole number, not "),
        ("cores: 2", "cores: 0", "cores: must be at least 1"),
        ("arch: armv7", "arch: arm", "arch: unknown word 'arm'; did you mean 'armv7'? known: armv7, arm64, amd64"),
        ("disk: virtio", "disk: ide", "disk: unknown word 'ide'; known: virtio, sd"),
        ("  code: ", "  core: ", "uefi.core: unknown key; did you mean 'code'? allowed: code, variables"),
        ("title: ", "title: [", "test.yaml:3:"),
    ],
)
def test_mistakes_are_told_with_their_place(old: str, new: str, message: str, tmp_path: Path) -> None:
    text = GOOD.read_text()
    assert old in text
    (tmp_path / "test.yaml").write_text(text.replace(old, new))
    with pytest.raises(RecipeError) as caught:
        read_machine(tmp_path, "test")
    assert message in "\n".join(caught.value.details)
    assert all("test.yaml:" in line for line in caught.value.details)


def test_a_file_that_is_no_mapping_is_told(tmp_path: Path) -> None:
    (tmp_path / "test.yaml").write_text("- a\n")
    with pytest.raises(RecipeError) as caught:
        read_machine(tmp_path, "test")
    assert "must be a mapping" in caught.value.details[0]

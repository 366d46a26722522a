"""Looking for a machine that runs guests."""

import fcntl
import platform
from pathlib import Path

import pytest

from builder.vm.kvm import probe_kvm


def test_kvm_device_that_is_not_there(tmp_path: Path) -> None:
    assert probe_kvm("x86_64", tmp_path / "kvm").stage == "open"


def test_kvm_device_that_is_something_else() -> None:
    facts = probe_kvm("x86_64", Path("/dev/null"))
    assert facts.stage == "version"
    assert facts.error != 0


def test_kvm_of_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "ioctl", lambda *_: 11)
    facts = probe_kvm("x86_64", Path("/dev/null"))
    assert (facts.stage, facts.error, facts.version) == ("version", 0, 11)


def test_kvm_of_this_machine_leaves_no_descriptor_open() -> None:
    before = sorted(Path("/proc/self/fd").iterdir())
    probe_kvm(platform.machine())
    assert sorted(Path("/proc/self/fd").iterdir()) == before

"""Who may not write to a device flashes it through udisks2, where that is there and lets him."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.app.session import Session
from builder.core.errors import ExitCode
from builder.io.locks import release, try_acquire
from tests.integration.flash.loops import IMAGE_BYTES, MIB, card, flash_command, loop, make_image
from tests.integration.udisks.pins import SETS
from tests.integration.udisks.services import ALLOWED, OTHER, as_user, services

NOBODY = "unix:path=/nonexistent"


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that every user may look into."""
    if os.geteuid() != 0 or not Path("/dev/loop-control").exists() or shutil.which("setpriv") is None:
        pytest.skip("loop devices and other users take root")
    made = Path(tempfile.mkdtemp(prefix="builder-udisks."))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def tree(session: Session) -> Path:
    return SETS.tree(session, "udisks2")


@pytest.fixture
def device(place: Path) -> Iterator[Path]:
    with loop(card(place / "card")) as found:
        yield found


def flashed(place: Path, device: Path, user: int, bus: str) -> subprocess.CompletedProcess[str]:
    image, cache = place / "x.img", place / "cache"
    if not image.exists():
        make_image(image)
        cache.mkdir()
        os.chown(cache, ALLOWED, ALLOWED)
    _, *command = flash_command(image, device, place / "card")
    argv = as_user(user, place, command, bus)
    return subprocess.run(argv, check=False, capture_output=True, text=True)


def is_untouched(place: Path) -> bool:
    return (place / "card").read_bytes() == b"\xa5" * 64 * MIB


def is_written(place: Path) -> bool:
    return (place / "card").read_bytes()[:IMAGE_BYTES] == (place / "x.img").read_bytes()


def test_udisks_opens_the_device_for_whom_polkit_lets(tree: Path, place: Path, device: Path) -> None:
    with services(tree, place / "root", device) as found:
        other = flashed(place, device, OTHER, found.address)
        assert is_untouched(place)
        held = os.open(device, os.O_RDONLY)
        assert try_acquire(held)
        second = flashed(place, device, ALLOWED, found.address)
        release(held)
        exclusive = os.open(device, os.O_RDONLY | os.O_EXCL)
        busy = flashed(place, device, ALLOWED, found.address)
        os.close(exclusive)
        assert is_untouched(place)
        done = flashed(place, device, ALLOWED, found.address)
    assert other.returncode == ExitCode.BUILD_FAILED
    assert f"{device} may not be written by you" in other.stderr
    assert "udisks2 refuses: Not authorized to perform operation" in other.stderr
    assert second.returncode == ExitCode.BUILD_FAILED
    assert "is being written to, or looked at, by another program" in second.stderr
    assert busy.returncode == ExitCode.BUILD_FAILED
    assert "Device or resource busy" in busy.stderr
    assert done.returncode == 0, done.stderr
    assert "read back and equal" in done.stdout
    assert is_written(place)


def test_a_bus_without_udisks(tree: Path, place: Path, device: Path) -> None:
    with services(tree, place / "root", device, with_udisks=False) as found:
        done = flashed(place, device, ALLOWED, found.address)
    assert done.returncode == ExitCode.BUILD_FAILED
    assert "udisks2, which could open it for you, is not there" in done.stderr
    assert is_untouched(place)


def test_a_member_of_the_group_needs_nobody(place: Path, device: Path) -> None:
    os.chown(device, 0, OTHER)
    device.chmod(0o660)
    try:
        refused, done = (flashed(place, device, user, NOBODY) for user in (ALLOWED, OTHER))
    finally:
        os.chown(device, 0, 0)
        device.chmod(0o600)
    assert refused.returncode == ExitCode.BUILD_FAILED
    assert f"it belongs to user 0 and group {OTHER}, mode 0660" in refused.stderr
    assert "there is no system bus on which udisks2 could be asked" in refused.stderr
    assert "run the same command with sudo" in refused.stderr
    assert done.returncode == 0, done.stderr
    # The cache is another user's.
    assert done.stderr.count("another try would begin at the beginning") == 1
    assert is_written(place)

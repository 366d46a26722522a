from pathlib import Path

import pytest

from builder.app.flash.prepare import FlashWanted, Place, check_serials, parse_confirmation
from builder.core.errors import RecipeError
from builder.core.resources import GIB
from builder.flash.devices import Device, find_devices
from builder.flash.guards import Confirmation, Reason, objections, unconfirmed
from tests.unit.flash.machines import laptop

USB_MOUNT = "90 27 8:17 / /media/me/my\\040card rw,nosuid - vfat /dev/sdb1 rw\n"


def found(root: Path) -> dict[str, Device]:
    return {device.name: device for device in find_devices(root)}


def reasons(device: Device) -> list[Reason]:
    return [one.reason for one in objections(device)]


def test_what_has_a_medium_and_is_no_memory_is_found(tmp_path: Path) -> None:
    assert list(found(laptop(tmp_path))) == ["loop3", "mmcblk0", "mmcblk1", "sda", "sdb", "sdd"]


def test_models_serials_and_sizes(tmp_path: Path) -> None:
    devices = found(laptop(tmp_path))
    told = {name: (one.model, one.serial) for name, one in devices.items()}
    assert told == {
        "loop3": ("file", "/srv/card.img"),
        "mmcblk0": ("DF4016", "0x1b2c3d4e"),
        "mmcblk1": ("SC16G", "0x99887766"),
        "sda": ("ATA Samsung SSD 870", "naa.5002538f"),
        "sdb": ("Generic STORAGE DEVICE", "000000000272"),
        "sdd": ("", ""),
    }
    assert devices["sdb"].size_bytes == 62333952 * 512
    assert devices["sdd"].sector_bytes == 4096
    assert [part.name for part in devices["sdb"].partitions] == ["sdb1", "sdb2", "sdb10"]


def test_a_disk_below_the_mapping_that_the_system_is_on(tmp_path: Path) -> None:
    disk = found(laptop(tmp_path))["sda"]
    assert disk.has_system
    assert disk.all_uses == ("/boot", "part of dm-0")
    assert reasons(disk) == [Reason.SYSTEM, Reason.LARGE, Reason.FIXED]


def test_the_root_alone_makes_a_system_disk(tmp_path: Path) -> None:
    root = laptop(tmp_path)
    mountinfo = root / "proc/self/mountinfo"
    mountinfo.write_text(
        "".join(line for line in mountinfo.read_text().splitlines(keepends=True) if "/boot" not in line)
    )
    assert found(root)["sda"].has_system


def test_a_card_that_nothing_speaks_against(tmp_path: Path) -> None:
    assert reasons(found(laptop(tmp_path))["sdb"]) == []


def test_a_mounted_card(tmp_path: Path) -> None:
    card = found(laptop(tmp_path, mounts=USB_MOUNT))["sdb"]
    assert reasons(card) == [Reason.USED]
    assert card.partitions[0].uses == ("/media/me/my card",)
    assert "/media/me/my card" in objections(card)[0].text


def test_file_systems_of_several_devices_have_a_number_of_their_own(tmp_path: Path) -> None:
    mount = "91 27 0:55 / /data rw - btrfs /dev/sdd rw\n"
    assert found(laptop(tmp_path, mounts=mount))["sdd"].uses == ("/data",)


def test_swap_makes_a_system_disk(tmp_path: Path) -> None:
    card = found(laptop(tmp_path, swaps="/dev/sdb2  partition 1048572 0 -2\n"))["sdb"]
    assert reasons(card) == [Reason.SYSTEM]


def test_emmc_is_soldered_and_cards_are_not(tmp_path: Path) -> None:
    devices = found(laptop(tmp_path))
    assert reasons(devices["mmcblk0"]) == [Reason.FIXED]
    assert reasons(devices["mmcblk1"]) == [Reason.READ_ONLY]
    assert reasons(devices["loop3"]) == [Reason.FIXED]


def test_usb_disks_are_removable_and_may_be_large(tmp_path: Path) -> None:
    assert reasons(found(laptop(tmp_path))["sdd"]) == [Reason.LARGE]
    assert found(tmp_path)["sdd"].size_bytes > 256 * GIB


def test_only_what_was_named_is_confirmed(tmp_path: Path) -> None:
    devices = found(laptop(tmp_path, mounts=USB_MOUNT))
    large = Confirmation(device="sdd", reason=Reason.LARGE)
    assert not unconfirmed(devices["sdd"], [large])
    assert unconfirmed(devices["sda"], [large])
    in_use = Confirmation(device="sdb", reason=Reason.USED)
    assert [one.reason for one in unconfirmed(devices["sdb"], [in_use])] == [Reason.USED]


def test_confirmations() -> None:
    assert parse_confirmation("/dev/sdd:large") == Confirmation(device="sdd", reason=Reason.LARGE)
    for text in ("large", "sdd:", ":large", "sdd:system", "sdd:in-use"):
        with pytest.raises(RecipeError, match="must be a device and one of large, not-removable"):
            parse_confirmation(text)


def test_a_machine_that_tells_nothing(tmp_path: Path) -> None:
    assert find_devices(tmp_path) == []


def test_a_device_without_a_serial_number_is_not_meant_by_an_empty_one(tmp_path: Path) -> None:
    file = tmp_path / "sdd"
    file.touch()
    device = found(laptop(tmp_path / "laptop"))["sdd"]
    wanted = FlashWanted(image=tmp_path, devices=["sdd"], serials=[""])
    with pytest.raises(RecipeError, match="not the devices that were meant"):
        check_serials(wanted, [Place(path=file, device=device)])

"""Where things lie on a disk, and what does not fit there."""

import struct

import pytest

from builder.core.errors import BuilderError
from builder.core.resources import GIB, MIB
from builder.image.layout import Area, Layout, Sizes, boot_record, check_areas, loader_areas, plan_layout

SIZES = Sizes(card_bytes=4 * GIB, slot_bytes=0, data_bytes=128 * MIB)


def planned(sizes: Sizes = SIZES, content_bytes: int = 100 * MIB) -> Layout:
    return plan_layout(sizes, slot_content_bytes=content_bytes, disk_id=0x1234ABCD)


def test_slots_are_half_as_large_again_as_the_system_in_steps() -> None:
    assert [(one.name, one.start_bytes // MIB, one.size_bytes // MIB) for one in planned().partitions] == [
        ("boot", 16, 128),
        ("slot-a", 144, 192),
        ("slot-b", 336, 192),
        ("data", 528, 128),
    ]
    assert planned().size_bytes == 656 * MIB


def test_the_first_sector_says_what_the_layout_says() -> None:
    sector = boot_record(planned(), b"\xeb\x63code")
    assert len(sector) == 512
    assert sector[:6] == b"\xeb\x63code"
    assert struct.unpack_from("<I", sector, 440) == (0x1234ABCD,)
    assert sector[-2:] == b"\x55\xaa"
    entries = [struct.unpack_from("<B3xB3xII", sector, 446 + 16 * number) for number in range(4)]
    assert entries[0] == (0x80, 0x0C, 16 * 2048, 128 * 2048)
    assert entries[3] == (0, 0x83, 528 * 2048, 128 * 2048)


def test_a_system_that_does_not_fit_its_slot_is_told() -> None:
    sizes = Sizes(card_bytes=4 * GIB, slot_bytes=64 * MIB, data_bytes=128 * MIB)
    with pytest.raises(BuilderError, match=r"the system takes 100\.0 MiB, and a slot has 64\.0 MiB"):
        planned(sizes)
    assert planned(sizes, 64 * MIB).partition("slot-a").size_bytes == 64 * MIB


def test_an_image_that_does_not_fit_the_card_is_told_with_its_parts() -> None:
    with pytest.raises(BuilderError) as caught:
        planned(Sizes(card_bytes=655 * MIB, slot_bytes=0, data_bytes=128 * MIB))
    assert caught.value.brief == "the image takes 656.0 MiB, and the card has 655.0 MiB"
    assert "slot-a: 192.0 MiB" in caught.value.details


def test_two_loaders_at_one_place_are_told_by_both_names() -> None:
    one = Area(what="the loader spl", start_bytes=8192, size_bytes=40000)
    two = Area(what="the loader u-boot", start_bytes=48191, size_bytes=100)
    with pytest.raises(BuilderError) as caught:
        check_areas(loader_areas([two, one], bios_bytes=0))
    assert caught.value.details == (
        "the loader spl (bytes 8192 to 48191) and the loader u-boot (bytes 48191 to 48290) overlap",
    )
    check_areas([one, Area(what="next", start_bytes=48192, size_bytes=1)])


def test_a_loader_on_the_partition_table_or_in_a_partition_is_told() -> None:
    table = Area(what="the loader a", start_bytes=0, size_bytes=100)
    late = Area(what="the loader b", start_bytes=16 * MIB - 1, size_bytes=2)
    with pytest.raises(BuilderError) as caught:
        check_areas(loader_areas([table, late], bios_bytes=1024))
    assert caught.value.details == (
        "the loader a (bytes 0 to 99) and the partition table (bytes 0 to 511) overlap",
        "the loader b (bytes 16777215 to 16777216) reaches into the first partition, at 16.0 MiB",
    )


def test_a_disk_that_a_partition_table_cannot_describe_is_told() -> None:
    huge = Sizes(card_bytes=8192 * GIB, slot_bytes=1024 * GIB, data_bytes=2048 * GIB)
    with pytest.raises(BuilderError, match="2 TiB"):
        boot_record(planned(huge))

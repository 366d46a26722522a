"""What GRUB and U-Boot are told."""

import struct
import zlib

import pytest

from builder.core.errors import BuilderError
from builder.image.environment import FRESH, environment_block
from builder.image.grub import slot_configuration
from builder.image.uboot import script_image


def test_a_slot_starts_its_kernel_only_with_all_that_belongs_to_it() -> None:
    text = slot_configuration("6.1.0-50-armmp", ("panic=10", "console=ttyS0,115200"), device_tree="/usr/lib/x.dtb")
    assert text == (
        "if linux /boot/vmlinuz-6.1.0-50-armmp device.slot=$slot device.disk=$disk_id panic=10 console=ttyS0,115200; then\n"
        "if initrd /boot/initrd.img; then\n"
        "if devicetree /usr/lib/x.dtb; then\n"
        "boot\n"
        "fi\nfi\nfi\n"
    )
    assert slot_configuration("6.1", ()).count("fi\n") == 2


def test_the_state_fits_one_sector_and_a_block_of_grub() -> None:
    block = environment_block(FRESH)
    assert len(block) == 1024
    assert block.startswith(b"# GRUB Environment Block\nORDER=A B\nA_OK=1\n")
    assert block[512:] == b"#" * 512
    with pytest.raises(BuilderError, match="more than a sector"):
        environment_block({"ORDER": "A" * 500})


def test_a_script_has_checksums_of_its_header_and_of_its_data() -> None:
    image = script_image("usb stop\n", epoch_s=1700000000, name="boot")
    magic, header_sum, time_s, size, _, _, data_sum, *kind = struct.unpack_from(">7I4B", image)
    assert (magic, time_s, size, kind) == (0x27051956, 1700000000, len(image) - 64, [5, 2, 6, 0])
    assert zlib.crc32(image[64:]) == data_sum
    assert zlib.crc32(image[:4] + bytes(4) + image[8:64]) == header_sum
    assert struct.unpack_from(">2I", image, 64) == (9, 0)
    assert image[72:] == b"usb stop\n"
    assert image[32:36] == b"boot"

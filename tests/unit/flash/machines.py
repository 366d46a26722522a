"""Trees of /sys and /proc: what a laptop shows that has a disk with LUKS, a card reader, an eMMC and a USB disk."""

from pathlib import Path

# Where each device hangs, and its files; sizes in units of 512 bytes.
DEVICES = {
    "pci0000:00/ata1/block/sda": {
        "size": "1953525168", "removable": "0", "ro": "0", "dev": "8:0", "device/model": "Samsung SSD 870 ",
        "device/vendor": "ATA     ", "queue/logical_block_size": "512", "device/wwid": "naa.5002538f",
        "sda1/partition": "1", "sda1/size": "1048576", "sda1/dev": "8:1",
        "sda2/partition": "2", "sda2/size": "1952474112", "sda2/dev": "8:2",
    },
    "pci0000:00/usb2/2-1/host6/block/sdb": {
        "size": "62333952", "removable": "1", "ro": "0", "dev": "8:16", "device/model": "STORAGE DEVICE",
        "device/vendor": "Generic", "queue/logical_block_size": "512",
        "sdb1/partition": "1", "sdb1/size": "262144", "sdb1/dev": "8:17",
        "sdb10/partition": "10", "sdb10/size": "8", "sdb10/dev": "8:26",
        "sdb2/partition": "2", "sdb2/size": "2097152", "sdb2/dev": "8:18",
    },
    "pci0000:00/usb2/2-1/host6/block/sdc": {"size": "0", "removable": "1", "ro": "0", "dev": "8:32"},
    "pci0000:00/usb2/2-2/host7/block/sdd": {
        "size": "3907029168", "removable": "0", "ro": "0", "dev": "8:48", "queue/logical_block_size": "4096",
    },
    "platform/mmc_host/mmc0/mmc0:0001/block/mmcblk0": {
        "size": "30777344", "removable": "0", "ro": "0", "dev": "179:0", "device/type": "MMC", "device/name": "DF4016",
        "device/serial": "0x1b2c3d4e", "queue/logical_block_size": "512",
    },
    "platform/mmc_host/mmc1/mmc1:aaaa/block/mmcblk1": {
        "size": "30777344", "removable": "0", "ro": "1", "dev": "179:8", "device/type": "SD", "device/name": "SC16G",
        "device/serial": "0x99887766", "queue/logical_block_size": "512",
    },
    "virtual/block/dm-0": {"size": "1952470016", "dev": "253:0", "dm/name": "root", "ro": "0", "removable": "0"},
    "virtual/block/zram0": {"size": "8388608", "dev": "252:0", "ro": "0", "removable": "0"},
    "virtual/block/loop3": {
        "size": "131072", "dev": "7:3", "ro": "0", "removable": "0", "loop/backing_file": "/srv/card.img",
    },
}  # fmt: skip
MOUNTINFO = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 253:0 / / rw,relatime - ext4 /dev/mapper/root rw
28 27 8:1 / /boot rw,relatime - ext4 /dev/sda1 rw
"""
SWAPS = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"


def laptop(root: Path, *, mounts: str = "", swaps: str = "") -> Path:
    """Write the tree below `root`; `mounts` and `swaps` are further lines."""
    (root / "sys/block").mkdir(parents=True)
    for place, files in DEVICES.items():
        device = root / "sys/devices" / place
        for name, text in files.items():
            (device / name).parent.mkdir(parents=True, exist_ok=True)
            (device / name).write_text(f"{text}\n")
        (root / "sys/block" / device.name).symlink_to(device)
    for reader in ("2-1", "2-2"):
        usb = root / "sys/devices/pci0000:00/usb2" / reader
        (usb / "idVendor").write_text("05e3\n")
    (root / "sys/devices/pci0000:00/usb2/2-1/serial").write_text("000000000272\n")
    holders = root / "sys/devices/pci0000:00/ata1/block/sda/sda2/holders"
    holders.mkdir()
    (holders / "dm-0").symlink_to(root / "sys/devices/virtual/block/dm-0")
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/mountinfo").write_text(MOUNTINFO + mounts)
    (root / "proc/swaps").write_text(SWAPS + swaps)
    return root

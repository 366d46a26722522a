"""FAT32 as it lies on a card (Microsoft, FAT32 File System Specification 1.03): files of its root directory, changed in place."""

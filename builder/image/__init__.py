"""From a root file system to a disk image that boots: initrd, slot, boot loader, partitions, compressed image."""

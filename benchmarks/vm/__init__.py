"""A small Linux of a device's architecture in QEMU, and what is measured in it."""

"""Machines in QEMU: what there is to emulate, starting it, talking to it, and ending it."""

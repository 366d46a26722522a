"""Labs: several machines in QEMU as one cluster, kept running by a supervisor of their own."""

"""Side effects on this machine: processes, files, locks, and what the machine has."""

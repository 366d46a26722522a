"""Directories that hold all that a lock names, so that its recipe can be built when no registry has it any more."""

"""What maintainer scripts do to a file system, as typed effects that are replayed without running a script."""

"""Looks at a whole root file system before devices get it: nothing of one device's own, nothing that cannot run."""

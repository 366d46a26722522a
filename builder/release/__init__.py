"""Releases: what is published together, how it is described, and whether it still is what it was."""

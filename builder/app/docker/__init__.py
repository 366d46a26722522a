"""Builds in a container of this machine's Docker daemon: the builder starts itself again inside."""

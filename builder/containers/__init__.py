"""Containers of a Docker daemon that the builder runs in."""

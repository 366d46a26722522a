"""Toolchains: fetched by digest, never taken from the host."""

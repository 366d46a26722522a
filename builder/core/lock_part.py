"""The parts of a lock."""

from enum import StrEnum


class LockPart(StrEnum):
    """A part of the lock that can be resolved anew on its own."""

    GO = "go"
    ZIG = "zig"
    MODULES = "modules"
    DEBIAN = "debian"
    TOOLS = "tools"
    IMAGES = "images"

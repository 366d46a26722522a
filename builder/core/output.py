"""What recipes ask for."""

from enum import StrEnum


class Output(StrEnum):
    """What a recipe can make for each architecture."""

    EXECUTABLE = "executable"
    ROOTFS = "rootfs"
    BUNDLE = "bundle"
    IMAGE = "image"
    UPDATE = "update"

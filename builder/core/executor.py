"""What builds."""

from enum import StrEnum


class Executor(StrEnum):
    """This machine itself, or a container of its Docker daemon."""

    LOCAL = "local"
    DOCKER = "docker"

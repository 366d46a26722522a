"""What a machine is in its cluster."""

from enum import StrEnum


class Role(StrEnum):
    """The roles of kedge's commands."""

    CONTROLLER = "controller"
    WORKER = "worker"
    SINGLE = "single"

    @property
    def controls(self) -> bool:
        """Whether a control plane runs there."""
        return self is not Role.WORKER

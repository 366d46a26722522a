"""The registries that all steps of one run share."""

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from builder.debian.kept import KeptFiles

if TYPE_CHECKING:
    from builder.oci.registry.client import Registries


class SharedRegistries:
    """Opens `Registries` at their first use, and closes them; threads may share it. Parameters as there.

    Nothing is imported before: plans are made without an HTTP client, which takes longer to import than most plans to make.
    """

    def __init__(self, environment: Mapping[str, str], *, stall_s: float, kept: KeptFiles | None = None) -> None:
        self._environment = environment
        self._stall_s = stall_s
        self._kept = kept
        self._lock = threading.Lock()
        self._registries: Registries | None = None

    def get(self) -> "Registries":
        """The registries."""
        from builder.oci.registry.client import Registries  # noqa: PLC0415

        with self._lock:
            if self._registries is None:
                self._registries = Registries(environment=self._environment, stall_s=self._stall_s, kept=self._kept)
            return self._registries

    def close(self) -> None:
        """Close their connections, if there are any."""
        with self._lock:
            if self._registries is not None:
                self._registries.close()
                self._registries = None

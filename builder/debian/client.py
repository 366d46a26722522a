"""The HTTP client that all downloads of one run share."""

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from builder.debian.kept import KeptFiles

if TYPE_CHECKING:
    import httpx


class SharedClient:
    """Opens an `httpx.Client` at its first use, and closes it; threads may share it.

    Connections stay open between files: hundreds of packages come from one mirror. Nothing is imported before: plans are
    made without an HTTP client, which takes longer to import than most plans to make. Parameters as in `open_client`.
    """

    def __init__(self, environment: Mapping[str, str], *, stall_s: float, kept: KeptFiles | None = None) -> None:
        self._environment = environment
        self._stall_s = stall_s
        self._kept = kept
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None

    def get(self) -> "httpx.Client":
        """The client."""
        from builder.debian.connection import open_client  # noqa: PLC0415

        with self._lock:
            if self._client is None:
                self._client = open_client(self._environment, stall_s=self._stall_s, kept=self._kept)
            return self._client

    def close(self) -> None:
        """Close its connections, if there are any."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

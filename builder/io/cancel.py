"""One way to end everything: a token that every waiting place looks at."""

from builder.core.errors import InterruptedBuildError


class CancelToken:
    """Tells all parts of a build to end; once set it stays set.

    A plain flag that waiting loops poll, at least five times a second. It is no `threading.Event`: `set` is called by
    signal handlers, which run inside the main thread at any instruction, and `Event.set` deadlocks there when the main
    thread was just about to leave `Event.wait`.
    """

    __slots__ = ("_reason",)

    def __init__(self) -> None:
        self._reason = ""

    def set(self, reason: str = "interrupted") -> None:
        """Ask for the end of the work; the first `reason` is kept."""
        self._reason = self._reason or reason

    def is_set(self) -> bool:
        """Whether the end of the work was asked for."""
        return bool(self._reason)

    def check(self) -> None:
        """Raise `InterruptedBuildError` when the end of the work was asked for."""
        if self._reason:
            raise InterruptedBuildError(self._reason)

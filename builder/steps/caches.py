"""The caches that tools keep for themselves."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheDirs:
    """Caches that tools keep for themselves, and `debian` for what comes out of archives, shared by all builders of this machine.

    They only save time: removing one changes no result.
    """

    go_build: Path
    go_modules: Path
    zig: Path
    debian: Path

    @property
    def all(self) -> tuple[Path, ...]:
        """Every one of them."""
        return (self.go_build, self.go_modules, self.zig, self.debian)

"""Files of the user's checkout, by content."""

from dataclasses import dataclass
from pathlib import Path

from builder.core.digest import Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file of the user's checkout that a step reads: where it lies, its content's digest, and whether it may be run."""

    path: Path
    digest: Digest
    executable: bool = False

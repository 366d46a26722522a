"""Files of the user's checkout, by content."""

import os
from dataclasses import dataclass
from pathlib import Path

from builder.core.digest import Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file of the user's checkout that a step reads: where it lies, its content's digest, and whether it may be run."""

    path: Path
    digest: Digest
    executable: bool = False


def read_source(path: Path) -> SourceFile:
    """The file at `path` as it is now."""
    return SourceFile(path=path, digest=Digest.of_file(path), executable=os.access(path, os.X_OK))

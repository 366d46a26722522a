"""Pinned files of Debian's archive, as a lock holds them."""

from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.debian.mirrors import MAIN_ARCHIVE


def _inside(path: str) -> str:
    if any(part in ("", ".", "..") for part in path.split("/")):
        raise ValueError("it must be a path below the archive's base address, without '.' and '..'")
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveFile:
    """A file of an archive: `path` below the archive's base address."""

    path: str
    size_bytes: int
    digest: Digest


class PinnedFile(BaseModel):
    """A file of an archive that is laid out like Debian's, as a lock pins it.

    `name` and `version` are the package's, `architecture` dpkg's word for its own (`armhf`, `all`, `source`). `path` is
    below the base address of `archive`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9+.-]+$")]
    version: str
    architecture: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    archive: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]*$")] = MAIN_ARCHIVE
    path: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+.~_%:/-]+$"), AfterValidator(_inside)]
    size_bytes: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]

    @classmethod
    def of(cls, name: str, version: str, architecture: str, archive: str, file: ArchiveFile) -> Self:
        """The pin of `file`, which belongs to a package; `BuilderError` for what no lock may hold."""
        try:
            return cls(
                name=name,
                version=version,
                architecture=architecture,
                archive=archive,
                path=file.path,
                size_bytes=file.size_bytes,
                sha256=file.digest,
            )
        except ValidationError as error:
            details = [f"{'.'.join(map(str, one['loc']))} {one['input']!r}: {one['msg']}" for one in error.errors()]
            raise BuilderError(
                f"what the index of {archive} says of {name} cannot be pinned", details=details
            ) from None

    @property
    def file_name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.architecture})"

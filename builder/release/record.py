"""`release.json`, the table of a release for programs, and the lists of what its artifacts contain."""

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from builder.core.arch import Arch
from builder.core.errors import RecipeError
from builder.core.generated import COMMAND

RECORD = "release.json"
CONTENTS_SUFFIX = ".contents.json"
# What may be a tag of a registry (OCI distribution-spec, "Pulling manifests"), and is no option or hidden file.
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,127}")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Role(StrEnum):
    """What a file of a release is for."""

    EXECUTABLE = "executable"
    BUNDLE = "bundle"
    IMAGE = "image"
    BLOCK_MAP = "block-map"
    ROOTFS = "rootfs"
    CONTENTS = "contents"
    SBOM = "sbom"
    PROVENANCE = "provenance"
    LICENCES = "licences"
    SOURCES = "sources"
    CHANGES = "changes"
    PAGE = "page"


ARTIFACTS = (Role.EXECUTABLE, Role.BUNDLE, Role.IMAGE, Role.BLOCK_MAP, Role.ROOTFS)


class ReleasedFile(_Model):
    """A file of a release."""

    path: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")] = Field(description="File name.")
    role: Role = Field(description="What it is for.")
    sha256: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")] = Field(description="Its digest.")
    size_bytes: int = Field(ge=0, description="Size in bytes.")
    arch: Arch | None = Field(default=None, description="Architecture that it is for.")
    board: str = Field(default="", description="Board that an image is for.")
    uncompressed_bytes: int | None = Field(default=None, description="What an image takes on a disk.")


class Release(_Model):
    """The content of `release.json`."""

    release: Literal[1] = Field(default=1, description="Version of this format.")
    name: str = Field(description="Name of the recipe.")
    version: str = Field(description="Version of the release.")
    previous: str = Field(
        default="", description="Version of the release that the changes are told since; may be empty."
    )
    builder: str = Field(description="Version of the builder.")
    epoch_s: int = Field(description="Date of everything built, in seconds since 1970; from the lock.")
    files: tuple[ReleasedFile, ...] = Field(description="All files but this one, the checksums and their signature.")

    def to_bytes(self) -> bytes:
        """The file's content."""
        return (json.dumps(self.model_dump(mode="json"), indent=2) + "\n").encode()

    @property
    def title(self) -> str:
        """What the release is called; a signature covers it."""
        return f"{self.name} {self.version}"


class Contents(_Model):
    """What an artifact consists of, for comparing it with that of another release."""

    contents: Literal[1] = Field(default=1, description="Version of this format.")
    components: Mapping[str, str] = Field(default={}, description="Versions of what was built, by name.")
    packages: Mapping[str, str] = Field(default={}, description="Versions of packages, by name.")
    modules: Mapping[str, str] = Field(default={}, description="Versions of Go modules, by path.")
    files: Mapping[str, tuple[str, int, str]] = Field(
        default={}, description="Mode (octal), size in bytes, and SHA-256 or a link's target of each file, by path."
    )
    kernel: Mapping[str, str] = Field(default={}, description="Options of the kernel: y, m or a value.")

    def to_bytes(self) -> bytes:
        """The file's content: a line for each entry, sorted."""
        sections = []
        for name in ("components", "packages", "modules", "files", "kernel"):
            rows = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in sorted(getattr(self, name).items())]
            sections.append(f' "{name}": {{' + ("\n" + ",\n".join(rows) + "\n " if rows else "") + "}")
        return ('{\n "contents": 1,\n' + ",\n".join(sections) + "\n}\n").encode()


def require_version(version: str) -> None:
    """Raise `RecipeError` where `version` cannot name a directory and a tag."""
    if not _VERSION.fullmatch(version):
        raise RecipeError(
            f"{version!r} is no version of a release",
            hint="letters, digits, '.', '_' and '-', beginning with a letter or digit, as in 1.4.0",
        )


def json_schema() -> str:
    """The JSON Schema of `release.json`, as it is exported."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$comment": f"Generated: {COMMAND}"}
    return json.dumps(schema | Release.model_json_schema(), indent=2) + "\n"

"""The manifest beside every set of artifacts: what went in, what came out, with which tools and how long it took.

All of it but `executor` and `times` is the same for every build of the same inputs.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from builder.audit.rules import Check
from builder.core.arch import Arch
from builder.core.generated import COMMAND

# What a builder in a container is told that it runs in.
EXECUTOR_VARIABLE = "BUILDER_EXECUTOR"
LOCAL = "local"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ManifestContent(_Model):
    """What an image is when it is not compressed."""

    digest: str = Field(description="SHA-256 of it.")
    size_bytes: int = Field(description="Size in bytes.")


class ManifestArtifact(_Model):
    """A file of the output directory."""

    path: str = Field(description="File name, relative to the manifest.")
    digest: str = Field(description="SHA-256 of the content.")
    size_bytes: int = Field(description="Size in bytes.")
    step: str = Field(description="Id of the step that made it.")
    uncompressed: ManifestContent | None = Field(
        default=None, description="What a disk holds that the image was written to."
    )
    checked: tuple[Check, ...] = Field(description="What the audit of the file as it is looked at and found in order.")


class ManifestModule(_Model):
    """A Go module that the build could use."""

    path: str = Field(description="Module path.")
    version: str = Field(description="Module version.")
    h1: str = Field(description="Go's sum of the module's content, as in go.sum.")


class ManifestTool(_Model):
    """A tool that shaped the result."""

    version: str = Field(description="Its version.")
    digest: str = Field(description="What the lock pins it by: SHA-256, or Go's h1 sum of a module.")


class ManifestInputs(_Model):
    """Everything that went in."""

    recipe: Mapping[str, object] = Field(description="The resolved recipe, every default filled.")
    epoch_s: int = Field(description="Date of everything built, in seconds since 1970; from the lock.")
    sources: Mapping[str, str] = Field(description="SHA-256 of every source file by its path in the cluster's module.")
    modules: tuple[ManifestModule, ...] = Field(description="Go modules pinned by the lock.")
    tools: Mapping[str, ManifestTool] = Field(description="Toolchains pinned by the lock, by name.")


class ManifestStep(_Model):
    """A step that made an artifact or something that one was made from."""

    id: str = Field(description="Name of the step.")
    kind: str = Field(description="Kind of the step and the version of its implementation.")
    key: str = Field(description="Digest of everything that shapes the step's result.")
    needs: Mapping[str, str] = Field(description="Ids of the steps it used, by role.")


class ManifestTime(_Model):
    """How a step's result came about, on the machine that made it."""

    created: str = Field(description="When it was made (UTC).")
    duration_s: float = Field(description="Wall time in seconds.")
    peak_memory_bytes: int = Field(description="Highest memory of all its processes together that was sampled.")


class Manifest(_Model):
    """The content of `manifest.json`."""

    manifest: Literal[1] = Field(default=1, description="Version of this format.")
    builder: str = Field(description="Version of the builder.")
    name: str = Field(description="Name of the recipe.")
    arch: Arch = Field(description="Architecture of the artifacts.")
    artifacts: tuple[ManifestArtifact, ...] = Field(description="Files beside the manifest.")
    inputs: ManifestInputs = Field(description="What they were made from.")
    steps: tuple[ManifestStep, ...] = Field(description="How they were made.")
    executor: str = Field(
        default=LOCAL, description="What this build ran in: `local`, or `docker` and the id of the container's image."
    )
    times: Mapping[str, ManifestTime] = Field(
        description="By step id; like `executor`, it differs between equal builds, and nothing else does."
    )

    def to_bytes(self) -> bytes:
        """The file's content: JSON, keys in the order of the model."""
        return (json.dumps(self.model_dump(mode="json"), indent=2) + "\n").encode()


def json_schema() -> str:
    """The JSON Schema of a manifest, as it is exported."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$comment": f"Generated: {COMMAND}"}
    return json.dumps(schema | Manifest.model_json_schema(), indent=2) + "\n"


def checksums(artifacts: Sequence[ManifestArtifact]) -> bytes:
    """The content of `SHA256SUMS`, as `sha256sum --check` reads it."""
    return "".join(f"{one.digest.removeprefix('sha256:')}  {one.path}\n" for one in artifacts).encode()

"""What kedge's release says of the images that it needs itself: a file that builder writes and kedge reads.

Another digest under one of these references is not what the release was made with.
"""

import json
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from builder.core.arch import Arch
from builder.core.digest import canonical_json
from builder.core.errors import VerificationError
from builder.core.generated import COMMAND

_NAME = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
_REFERENCE = r"^[a-z0-9.-]+(:[0-9]{1,5})?(/[a-z0-9._-]+)+:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SystemImage(_Model):
    """An image that kedge needs, such as `pause`."""

    name: Annotated[str, StringConstraints(pattern=_NAME)] = Field(description="What it is for.")
    reference: Annotated[str, StringConstraints(pattern=_REFERENCE)] = Field(
        description="Its whole reference in the bundle."
    )
    digest: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")] = Field(
        description="SHA-256 of its manifest for this architecture."
    )


def _each_name_once(images: tuple[SystemImage, ...]) -> tuple[SystemImage, ...]:
    for words in ([one.name for one in images], [one.reference for one in images]):
        if len(set(words)) < len(words):
            raise ValueError("names and references must differ")
    return images


class Release(_Model):
    """The file."""

    format: Literal[1] = Field(default=1, description="Version of this format.")
    arch: Arch = Field(description="Architecture of the images.")
    images: Annotated[tuple[SystemImage, ...], AfterValidator(_each_name_once)] = Field(
        description="The images, by name."
    )


def release_bytes(arch: Arch, images: Sequence[SystemImage]) -> bytes:
    """The file for `images`."""
    release = Release(arch=arch, images=tuple(sorted(images, key=lambda image: image.name)))
    return canonical_json(release.model_dump(mode="json"))


def read_release(raw: bytes) -> Release:
    """The file with the content `raw`; `VerificationError` where it is not as `release_bytes` writes it, to the byte."""
    try:
        release = Release.model_validate_json(raw)
    except ValidationError as error:
        details = [f"{'.'.join(map(str, one['loc'])) or 'the file'}: {one['msg']}" for one in error.errors()]
        raise VerificationError("the list of system images is damaged", details=details) from None
    if release_bytes(release.arch, release.images) != raw:
        raise VerificationError("the list of system images is damaged: it is not written as the builder does")
    return release


def json_schema() -> str:
    """Its JSON Schema, as it is exported."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$comment": f"Generated: {COMMAND}"}
    return json.dumps(schema | Release.model_json_schema(), indent=2) + "\n"

"""What all sections of a recipe share, and the types of values that know where they were written."""

import os
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Annotated, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict, WithJsonSchema
from pydantic_core import PydanticCustomError

from builder.core.arch import Arch
from builder.recipe.shapes import PATH_PATTERN

ItemT = TypeVar("ItemT", bound=Hashable)


class WrittenText(str):
    """Text of a recipe that remembers the directory which relative paths in it start from."""

    __slots__ = ("base",)
    base: Path

    def __new__(cls, text: str, base: Path) -> Self:
        """`text`, written in a file in the directory `base`."""
        written = super().__new__(cls, text)
        written.base = base
        return written


class Section(BaseModel):
    """What all parts of a recipe have in common: fixed once made, nothing unknown, nothing converted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _each_once(items: tuple[ItemT, ...]) -> tuple[ItemT, ...]:
    seen: set[ItemT] = set()
    for index, item in enumerate(items):
        if item in seen:
            raise PydanticCustomError("listed_twice", "{item} is listed twice", {"item": str(item), "index": index})
        seen.add(item)
    return items


def _located_path(value: object) -> Path:
    if isinstance(value, Path):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "must be text")
    if not re.fullmatch(PATH_PATTERN, value):
        raise PydanticCustomError("string_pattern_mismatch", "must be a path", {"pattern": PATH_PATTERN})
    base = value.base if isinstance(value, WrittenText) else Path()
    return Path(os.path.normpath(base / value))


# Enumerations are the one thing YAML cannot write down as such: their names are taken for them.
NamedArch = Annotated[Arch, Strict(strict=False)]
Unique = (AfterValidator(_each_once), Field(json_schema_extra={"uniqueItems": True}))
LocatedPath = Annotated[
    Path, BeforeValidator(_located_path), WithJsonSchema({"type": "string", "pattern": PATH_PATTERN})
]

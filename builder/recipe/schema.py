"""The JSON Schema of a recipe as it is written in a file, for editors.

A file may leave out whatever it inherits, and drop with `null` what it inherits: so nothing is required and everything
may be null. What only the merged recipe shows (a missing key, a template's names) is for `builder validate`.
"""

from typing import Any

from builder.core.generated import COMMAND
from builder.recipe.merge import EXTENDS
from builder.recipe.models import Recipe

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_FILE_NAME = {"type": "string", "minLength": 1}
_EXTENDS = {
    "description": "Files that this one is laid over, relative to it; later ones win over earlier ones.",
    "anyOf": [_FILE_NAME, {"type": "array", "items": _FILE_NAME}],
}


def json_schema() -> dict[str, Any]:
    """The schema in dialect 2020-12."""
    schema = Recipe.model_json_schema()
    definitions = schema.pop("$defs")
    written = {
        "$schema": DIALECT,
        "$comment": f"Generated from the recipe's models: {COMMAND}",
        "title": "builder recipe",
        "type": "object",
        **_as_written(schema),
        "$defs": {name: _as_written(definition) for name, definition in sorted(definitions.items())},
    }
    written["properties"] = {EXTENDS: _EXTENDS, **written["properties"]}
    return written


def _as_written(section: dict[str, Any]) -> dict[str, Any]:
    """`section` as one file may write it: nothing required, null allowed for every value."""
    if "properties" not in section:
        return {key: value for key, value in section.items() if key != "title"}
    properties = {name: _or_null(value) for name, value in section["properties"].items()}
    return {key: value for key, value in section.items() if key not in {"title", "required"}} | {
        "properties": properties
    }


def _or_null(value: dict[str, Any]) -> dict[str, Any]:
    annotations: dict[str, Any] = {key: value[key] for key in ("description", "default") if key in value}
    shape = {key: inner for key, inner in value.items() if key not in {*annotations, "title"}}
    if "anyOf" in shape:
        return {**annotations, **shape}
    if "oneOf" in shape:
        # A part of a section fits more than one of its forms.
        return {**annotations, "anyOf": [*shape["oneOf"], {"type": "null"}]}
    if "patternProperties" in shape:
        shape["patternProperties"] = {
            pattern: {"anyOf": [inner, {"type": "null"}]} for pattern, inner in shape["patternProperties"].items()
        }
        shape["additionalProperties"] = False
    # Components may be spread over several files.
    shape.pop("minProperties", None)
    return {**annotations, "anyOf": [shape, {"type": "null"}]}

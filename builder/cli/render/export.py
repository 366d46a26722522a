"""What is generated from the event types: their schema and their reference.

The types in `core.events` are the only source: their docstrings describe, their annotations become JSON types.
"""

import dataclasses
import inspect
import json
import re
import types
import typing
from collections.abc import Iterator, Mapping

from builder.core import events
from builder.core.digest import Json
from builder.core.events import EVENTS_VERSION, Event
from builder.core.generated import COMMAND

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_SCALARS: Mapping[object, str] = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
_LITERALS = {"None": "null", "True": "true", "False": "false"}
_ENVELOPE = {
    "version": "the version of this form",
    "time": "when it happened, in seconds since 1970",
    "event": "which event this is",
}


def generated_files() -> dict[str, str]:
    """What each generated file must hold, by its path in the checkout."""
    return {
        "docs/reference/events.md": "\n".join(_page()),
        "schemas/events.schema.json": json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n",
    }


def event_types() -> tuple[type[Event], ...]:
    """Every event, in the order in which `core.events` lists them."""
    return typing.get_args(Event)


def json_schema() -> dict[str, Json]:
    """The JSON Schema of one line of `--events json`.

    Fields that are not known are allowed, because later builders of the same version may send them.
    """
    return {
        "$schema": DIALECT,
        "$comment": f"Generated from the event types: {COMMAND}",
        "title": "builder event",
        "oneOf": [{"$ref": f"#/$defs/{kind.event}"} for kind in event_types()],
        "$defs": {kind.event: _event_schema(kind) for kind in event_types()},
    }


def _event_schema(kind: type[Event]) -> dict[str, Json]:
    properties: dict[str, Json] = {
        "version": {"const": EVENTS_VERSION, "description": _ENVELOPE["version"]},
        "time": {"type": "number", "description": _ENVELOPE["time"]},
        "event": {"const": kind.event, "description": _ENVELOPE["event"]},
        **{name: _type_schema(hint) for name, hint in _fields(kind)},
    }
    return {
        "description": " ".join(_documentation(kind).split()),
        "type": "object",
        "required": list(properties),
        "properties": properties,
    }


def _fields(kind: type[Event]) -> Iterator[tuple[str, object]]:
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        yield field.name, hints[field.name]


def _type_schema(hint: object) -> dict[str, Json]:
    """The schema of an annotation: a scalar, a union of scalars, or a tuple of any length."""
    if hint in _SCALARS:
        return {"type": _SCALARS[hint]}
    arguments = typing.get_args(hint)
    if isinstance(hint, types.UnionType) and all(one in _SCALARS for one in arguments):
        return {"type": [_SCALARS[one] for one in arguments]}
    if typing.get_origin(hint) is tuple and arguments[1:] == (...,):
        return {"type": "array", "items": _type_schema(arguments[0])}
    raise TypeError(f"events have no JSON form for {hint}")


def _type_words(schema: Mapping[str, Json]) -> str:
    kind = schema["type"]
    if kind == "array":
        items = schema["items"]
        return f"array of {_type_words(items)}" if isinstance(items, Mapping) else "array"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _documentation(kind: type[Event]) -> str:
    """The docstring, with values as JSON writes them."""
    text = inspect.cleandoc(kind.__doc__ or "")
    return re.sub(r"\b(None|True|False)\b", lambda match: _LITERALS[match[1]], text)


def _page() -> Iterator[str]:
    """The reference page, line by line."""
    rule = inspect.cleandoc(events.__doc__ or "").rpartition("\n\n")[2]
    yield f"<!-- Generated from the event types, do not edit: {COMMAND} -->"
    yield from ("# Events", "")
    yield "`builder make --events json` writes one JSON object per line, each as soon as it happens. Every one has"
    yield from ("", "| field | type | |", "|---|---|---|")
    for name, kind in (("version", f"integer, `{EVENTS_VERSION}`"), ("time", "number"), ("event", "string")):
        yield f"| `{name}` | {kind} | {_ENVELOPE[name]} |"
    yield from ("", "and the fields of its event below. The JSON Schema is `schemas/events.schema.json`.", "")
    yield from ("## Version", "", *rule.splitlines(), "")
    yield "So a reader checks `version`, ignores events and fields that it does not know, and depends on no order of fields."
    for event in event_types():
        yield from ("", f"## {event.event}", "", *_documentation(event).splitlines())
        yield from ("", "| field | type |", "|---|---|")
        yield from (f"| `{name}` | {_type_words(_type_schema(hint))} |" for name, hint in _fields(event))
    yield ""

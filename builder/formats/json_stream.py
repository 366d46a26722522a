"""Concatenated JSON, as the Go command writes it with -json."""

import json
from collections.abc import Iterable, Mapping
from typing import Any


def json_stream(text: str) -> Iterable[Mapping[str, Any]]:
    """The objects of a stream of JSON objects with nothing but space between them."""
    decoder = json.JSONDecoder()
    position = 0
    while (start := _next_value(text, position)) < len(text):
        value, position = decoder.raw_decode(text, start)
        yield value


def _next_value(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position

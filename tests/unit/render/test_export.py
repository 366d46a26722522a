"""The documentation of the events and their schema are those of the types."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from builder.cli.render.export import event_types, generated_files, json_schema
from builder.core.events import Event, from_json, to_json
from tests.unit.render.samples import EPOCH_S, mixed_story

ROOT = Path(__file__).parents[3]


def _validator() -> Draft202012Validator:
    Draft202012Validator.check_schema(json_schema())
    return Draft202012Validator(json_schema())


def _samples() -> list[Event]:
    return list({type(event): event for _, event in mixed_story().chapters}.values())


def test_every_event_has_a_sample() -> None:
    assert {type(event) for event in _samples()} == set(event_types())


@pytest.mark.parametrize("event", _samples(), ids=lambda event: str(event.event))
def test_wire_form_obeys_the_schema(event: Event) -> None:
    message: dict[str, Any] = dict(to_json(event, time_s=EPOCH_S))
    # As JSON has it: tuples are arrays.
    message = {name: list(value) if isinstance(value, tuple) else value for name, value in message.items()}
    validator = _validator()
    validator.validate(message)
    validator.validate(message | {"added_later": 1})
    assert not validator.is_valid(message | {"version": 2})
    for name in message:
        assert not validator.is_valid({other: value for other, value in message.items() if other != name})
        assert not validator.is_valid(message | {name: {"no": "event has an object"}})


@pytest.mark.parametrize("event", _samples(), ids=lambda event: str(event.event))
def test_wire_form_is_read_again(event: Event) -> None:
    line = json.loads(json.dumps(to_json(event, time_s=EPOCH_S)))
    assert from_json(line) == event
    assert from_json(line | {"added_later": 1}) == event
    for other in ({"version": 2}, {"event": "another"}):
        with pytest.raises(ValueError, match="no event of this version"):
            from_json(line | other)


def test_page_names_every_event_and_field() -> None:
    page = generated_files()["docs/reference/events.md"]
    sections = {part.partition("\n")[0]: part for part in page.split("\n## ")[1:]}
    for event in _samples():
        fields = set(to_json(event, time_s=0.0)) - {"version", "time", "event"}
        assert all(f"| `{name}` |" in sections[event.event] for name in fields)
    assert "rises only when" in sections["Version"]

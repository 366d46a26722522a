"""The JSON Schema of a ClusterConfig judges the samples as kedge's reader does (cluster/internal/config).

`meaning` holds what only kedge can refuse: the relation of fields to each other, and numbers inside of texts.
"""

import json
from pathlib import Path
from typing import TypeAlias

import pytest
from jsonschema import Draft202012Validator

from builder.formats.yaml_source import parse_document
from builder.formats.yaml_tree import ListNode, MapNode, Node, ScalarNode, Source

HERE = Path(__file__).parent
SCHEMA = HERE.parents[2] / "schemas" / "clusterconfig.schema.json"
Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"


def _plain(node: Node) -> Value:
    match node:
        case ScalarNode():
            return node.value
        case ListNode():
            return [_plain(item) for item in node.items]
        case MapNode():
            return {key: _plain(entry.value) for key, entry in node.entries.items()}
    raise AssertionError(node)


def _is_accepted(path: Path) -> bool:
    document = parse_document(path.read_bytes(), Source(name=path.name, base=path.parent))
    if document.problems or document.root is None:
        return False
    return Draft202012Validator(json.loads(SCHEMA.read_text())).is_valid(_plain(document.root))


def _samples(kind: str) -> list[Path]:
    found = sorted((HERE / kind).glob("*.yaml"))
    assert found
    return found


@pytest.mark.parametrize("path", _samples("good"), ids=lambda path: path.stem)
def test_good_samples_are_accepted(path: Path) -> None:
    assert _is_accepted(path)


@pytest.mark.parametrize("path", _samples("bad"), ids=lambda path: path.stem)
def test_bad_samples_are_refused(path: Path) -> None:
    assert not _is_accepted(path)


@pytest.mark.parametrize(
    "path", [path for path in _samples("meaning") if path.stem != "anchors"], ids=lambda path: path.stem
)
def test_the_schema_does_not_see_meaning(path: Path) -> None:
    assert _is_accepted(path)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(json.loads(SCHEMA.read_text()))

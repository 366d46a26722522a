"""Every key of node.yaml, made wrong in turn: the mistake is told at that key."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.fleet.node.export import json_schema
from builder.fleet.node.read import judge_node
from builder.formats.yaml_source import read_document
from builder.formats.yaml_tree import Source
from builder.recipe.keypath import format_key_path
from builder.recipe.plain import plain_values

ROOT = Path(__file__).parents[3]
EVERYTHING = ROOT / "tests" / "contracts" / "node" / "good" / "everything.yaml"
# The words that are wrong for each kind of value.
WRONG = {
    "text": [5, True, [], {}],
    "number": ["7", True, 1.5, []],
    "truth": ["true", 1, []],
    "list": ["a", 5, {"a": "b"}],
    "mapping": ["a", 5, ["a"]],
}


def written(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): written(inner) for key, inner in value.items()}
    if isinstance(value, tuple):
        return [written(inner) for inner in value]
    return str(value) if isinstance(value, str) else value


def everything() -> dict[str, object]:
    document = read_document(EVERYTHING, Source(name="node.yaml", base=EVERYTHING.parent))
    assert document.root is not None
    found = written(plain_values(document.root))
    assert isinstance(found, dict)
    return {**found, "config": "kedge.yaml"}


def kind(value: object) -> str:
    if isinstance(value, bool):
        return "truth"
    return {dict: "mapping", list: "list", int: "number"}.get(type(value), "text")


def paths(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from paths(one, (*path, key))


def at(value: object, path: tuple[str | int, ...]) -> object:
    for key in path:
        assert isinstance(value, dict | list)
        value = value[key]  # type: ignore[index]  # names for mappings, numbers for lists
    return value


def changed(path: tuple[str | int, ...], wrong: object) -> list[str]:
    """The keys of all mistakes when the value at `path` is `wrong`."""
    values: object = json.loads(json.dumps(everything()))
    inner = at(values, path[:-1])
    inner[path[-1]] = wrong  # type: ignore[index]  # as above
    _, problems = judge_node(json.dumps(values).encode(), Source(name="node.yaml", base=ROOT))
    return [problem.message.partition(": ")[0] for problem in problems]


@pytest.mark.parametrize("path", list(paths(everything())), ids=format_key_path)
def test_another_kind_of_value_is_told_at_its_key(path: tuple[str | int, ...]) -> None:
    expected = format_key_path(path)
    for wrong in WRONG[kind(at(everything(), path))]:
        assert expected in changed(path, wrong), wrong
    assert expected in changed(path, None)


@pytest.mark.parametrize("path", [(), *paths(everything())], ids=format_key_path)
def test_an_unknown_key_is_told(path: tuple[str | int, ...]) -> None:
    # Labels and interfaces are named by people.
    if kind(at(everything(), path)) == "mapping" and path not in {("labels",), ("network", "interfaces")}:
        assert format_key_path((*path, "unknown")) in changed((*path, "unknown"), "x")


def test_the_sample_has_every_key() -> None:
    schema = json_schema()
    names = {str(key) for path in paths(everything()) for key in path}
    for section in (schema, *schema["$defs"].values()):
        assert set(section.get("properties", {})) <= names

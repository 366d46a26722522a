"""node.yaml is judged alike by the builder and, by the same files, on devices: every mistake with its line and key.

`good` is accepted, `bad` is refused by the JSON Schema as well, `meaning` by readers alone. `verdicts.json` has `LINE KEY` of
every mistake, in the order in which they are told; KEY is empty where the file as a whole is meant, or its syntax.
"""

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from builder.fleet.node.read import judge_node
from builder.formats.yaml_source import parse_document
from builder.formats.yaml_tree import ListNode, MapNode, Node, Problem, ScalarNode, Source

HERE = Path(__file__).parent
SCHEMA = json.loads((HERE.parents[2] / "schemas" / "node.schema.json").read_text())
VERDICTS: dict[str, list[str]] = json.loads((HERE / "verdicts.json").read_text())
# What is secret in samples.
MARKS = ("3cret", "7319")
# A key path as messages begin with; what the reader of YAML finds has none.
_KEY = re.compile(r'((?:[A-Za-z0-9_-]+|"[^"]*"|\[[0-9]+\]|\.)+): ')


def verdict(problem: Problem) -> str:
    match = _KEY.match(problem.message)
    return f"{problem.place.line} {match[1] if match else ''}".strip()


def plain(node: Node) -> object:
    match node:
        case ScalarNode():
            return node.value
        case ListNode():
            return [plain(item) for item in node.items]
        case MapNode():
            return {key: plain(entry.value) for key, entry in node.entries.items()}
    return None


def source(path: Path) -> Source:
    return Source(name=path.name, base=path.parent)


def samples(*kinds: str) -> list[Path]:
    found = [path for kind in kinds for path in sorted((HERE / kind).glob("*.yaml"))]
    assert found
    return found


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", samples("good", "bad", "meaning"), ids=named)
def test_every_mistake_is_told_where_it_is(path: Path) -> None:
    config, problems = judge_node(path.read_bytes(), source(path))
    assert [verdict(problem) for problem in problems] == VERDICTS[named(path)]
    assert (config is not None) == (path.parent.name == "good") == (not problems)


@pytest.mark.parametrize("path", samples("good", "bad", "meaning"), ids=named)
def test_the_schema_says_the_same_of_each_key(path: Path) -> None:
    document = parse_document(path.read_bytes(), source(path))
    schema_takes_it = (
        not document.problems
        and document.root is not None
        and Draft202012Validator(SCHEMA).is_valid(plain(document.root))
    )
    assert schema_takes_it == (path.parent.name != "bad")


def test_there_is_a_verdict_for_each_sample() -> None:
    assert sorted(VERDICTS) == sorted(named(path) for path in samples("good", "bad", "meaning"))
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", sorted((HERE / "bad").glob("secret*.yaml")), ids=named)
def test_no_secret_is_repeated(path: Path) -> None:
    _, problems = judge_node(path.read_bytes(), source(path))
    said = "\n".join(problem.message for problem in problems)
    assert said
    assert not any(mark in said for mark in MARKS), said

"""Reads node.yaml strictly: every mistake at once, with file, line and column."""

from collections.abc import Iterator, Sequence

from pydantic import ValidationError

from builder.core.errors import RecipeError
from builder.fleet.node.hide import hidden, odd_keys, without_odd_keys
from builder.fleet.node.judge import Mistake, mistakes
from builder.fleet.node.model import NodeConfig
from builder.formats.yaml_source import parse_document
from builder.formats.yaml_tree import ListNode, MapNode, Node, Place, Problem, ScalarNode, Source
from builder.recipe.keypath import KeyPath, format_key_path
from builder.recipe.plain import plain_values


def read_node(data: bytes, source: Source) -> NodeConfig:
    """What `data` says; `RecipeError` with every mistake in it."""
    config, problems = judge_node(data, source)
    if config is None:
        raise RecipeError(
            f"{source.name} cannot be used",
            details=[str(problem) for problem in problems],
            hint="every key is explained in docs/reference/node.md",
        )
    return config


def judge_node(data: bytes, source: Source) -> tuple[NodeConfig | None, Sequence[Problem]]:
    """What `data` says, or None and everything that is wrong with it, in the order of its lines.

    No problem repeats a value: it may be a secret.
    """
    document = parse_document(data, source)
    problems, root = list(document.problems), document.root
    config: NodeConfig | None = None
    if isinstance(root, MapNode):
        problems += odd_keys(root)
        root = without_odd_keys(root)
        empty = list(_without_value(root, ()))
        try:
            config = NodeConfig.model_validate(plain_values(root))
            problems += [_located(mistake, root) for mistake in mistakes(config)]
        except ValidationError as error:
            from builder.recipe.explain import explain_errors  # noqa: PLC0415 - only errors need it, and all of recipes with it

            problems += explain_errors(error, hidden(root), complete=True, model=NodeConfig)
            problems += [_located(mistake, root) for mistake in _others(error, root)]
        told = {problem.place for problem in empty}
        problems = [*(problem for problem in problems if problem.place not in told), *empty]
    elif root is not None:
        problems.append(Problem(place=root.place, message="must be a mapping: lines of 'key: value'"))
    problems.sort(key=lambda problem: (problem.place.line, problem.place.column, problem.message))
    return (None if problems else config), problems


def _others(error: ValidationError, root: MapNode) -> Iterator[Mistake]:
    """What is wrong besides `error`, with the keys that are right by themselves."""
    wrong = {detail["loc"][0] for detail in error.errors(include_url=False) if detail["loc"]}
    values = plain_values(root)
    right = {key: value for key, value in values.items() if key not in wrong} if isinstance(values, dict) else {}
    try:
        config = NodeConfig.model_validate(right)
    except ValidationError:
        return  # what is required is wrong, and nothing follows from the rest
    yield from (mistake for mistake in mistakes(config) if mistake.path[0] not in wrong)


def _without_value(node: Node, path: KeyPath) -> Iterator[Problem]:
    """Keys that somebody forgot to give a value: were they left out, a default would hold."""
    if isinstance(node, MapNode):
        for key, entry in node.entries.items():
            yield from _without_value(entry.value, (*path, key))
    elif isinstance(node, ListNode):
        for index, item in enumerate(node.items):
            yield from _without_value(item, (*path, index))
    elif isinstance(node, ScalarNode) and node.value is None:
        message = f"{format_key_path(path)}: there is no value; write one, or leave the key out"
        yield Problem(place=node.place, message=message)


def _located(mistake: Mistake, root: MapNode) -> Problem:
    return Problem(place=place_of(root, mistake.path), message=f"{format_key_path(mistake.path)}: {mistake.message}")


def place_of(root: MapNode, path: KeyPath) -> Place:
    """Where `path` is written, or what of it is."""
    node: Node = root
    place = root.place
    for segment in path:
        if isinstance(node, MapNode) and segment in node.entries:
            entry = node.entries[str(segment)]
            place, node = entry.key_place, entry.value
        elif isinstance(node, ListNode) and isinstance(segment, int) and segment < len(node.items):
            node = node.items[segment]
            place = node.place
        else:
            return place
    return place

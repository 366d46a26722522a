"""Says in plain words, and at the right place, what pydantic finds wrong with a recipe."""

import re
from collections.abc import Callable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from builder.core.arch import ARCH_FACTS, Arch
from builder.core.nearest import suggestion
from builder.core.output import Output
from builder.formats.yaml_tree import BrokenNode, DroppedNode, ListNode, MapNode, Node, Place, Problem, ScalarNode
from builder.recipe.cluster import CLUSTER_FORMS
from builder.recipe.keypath import format_key_path
from builder.recipe.merge import EXTENDS
from builder.recipe.models import Recipe
from builder.recipe.shapes import SHAPES

# What pydantic puts at the end of the location of a mapping's key.
_KEY_MARK = "[key]"
_YAML_1_1_BOOLEANS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
_ODD_INTEGER = re.compile(r"[-+]?(0[xob][0-9A-Fa-f_]+|[0-9][0-9_]*)")
_WORD_LISTS: dict[str, tuple[str, Sequence[str]]] = {
    "architectures": ("architecture", [arch.value for arch in Arch]),
    "outputs": ("output", [output.value for output in Output]),
}


def explain_errors(
    error: ValidationError, root: MapNode, *, complete: bool, model: type[BaseModel] = Recipe
) -> list[Problem]:
    """The problems that `error` found in `root`, a recipe or what else `model` describes.

    Where `root` is not `complete`, keys that are missing are no problem: they may stand in what could not be read.
    """
    problems = []
    for detail in error.errors(include_url=False):
        node, kind = _node_at(root, _as_written(detail["loc"])), detail["type"]
        # pydantic counts only the items that are good: a list of bad ones is not empty to its author.
        told_otherwise = isinstance(node, BrokenNode) or (kind == "too_short" and _has_items(node))
        if not told_otherwise and (complete or kind != "missing"):
            problems.append(_explain(detail, root, model))
    return problems


def _explain(detail: ErrorDetails, root: MapNode, model: type[BaseModel]) -> Problem:
    location = _as_written(detail["loc"])
    if location and location[-1] == _KEY_MARK:
        location = location[:-1]
        key = str(location[-1])
        message = f"the key {key!r} must be {_shape_of(detail)}"
        return _at(location, _key_place(root, location), message)
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "missing":
        return _missing(location, root)
    if kind == "extra_forbidden":
        return _at(location, _key_place(root, location), _unknown_key(detail["loc"], model))
    if kind == "listed_twice":
        location = (*location, int(context["index"]))
    node = _node_at(root, location)
    return _at(location, node.place, _wrong_value(detail, location, node))


def _as_written(location: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """`location` without the form of the cluster, which pydantic names and nobody wrote."""
    return (location[0], *location[2:]) if len(location) > 1 and location[1] in CLUSTER_FORMS else location


def _at(location: Sequence[str | int], place: Place, message: str) -> Problem:
    where = format_key_path(location)
    return Problem(place=place, message=f"{where}: {message}" if where else message)


def _node_at(root: Node, location: Sequence[str | int]) -> Node:
    node = root
    for segment in location:
        if isinstance(node, MapNode) and segment in node.entries:
            node = node.entries[str(segment)].value
        elif isinstance(node, ListNode) and isinstance(segment, int) and segment < len(node.items):
            node = node.items[segment]
    return node


def _key_place(root: Node, location: Sequence[str | int]) -> Place:
    """The place of the last key of `location` that is written down."""
    place, node = root.place, root
    for segment in location:
        if isinstance(node, ListNode) and isinstance(segment, int) and segment < len(node.items):
            node = node.items[segment]
            place = node.place
            continue
        if not isinstance(node, MapNode) or segment not in node.entries:
            return place
        entry = node.entries[str(segment)]
        place, node = entry.key_place, entry.value
    return place


def _missing(location: Sequence[str | int], root: Node) -> Problem:
    node = _node_at(root, location)
    if isinstance(node, DroppedNode):
        return _at(location, node.place, "is required, but dropped here: null, or no value, drops what is inherited")
    return _at(location, _key_place(root, location), "is required, but missing")


def _unknown_key(location: Sequence[str | int], model: type[BaseModel]) -> str:
    key, allowed = str(location[-1]), allowed_keys(location[:-1], model)
    return f"unknown key{suggestion(key, 'allowed', allowed)}"


def allowed_keys(location: Sequence[str | int], model: type[BaseModel] = Recipe) -> list[str]:
    """The keys that the section at `location` of `model`, as pydantic writes it, has."""
    section: Any = model
    for segment in location:
        if segment in CLUSTER_FORMS and not isinstance(section, type):
            section = CLUSTER_FORMS[str(segment)]
        elif isinstance(section, type) and issubclass(section, BaseModel):
            section = _without_none(section.model_fields[str(segment)].annotation)
        elif get_origin(section) is Mapping:
            section = get_args(section)[1]
        elif get_origin(section) is tuple:
            section = get_args(section)[0]
    keys = [*section.model_fields, *([EXTENDS] if model is Recipe and not location else [])]
    return sorted(keys)


def _without_none(annotation: object) -> object:
    """What `annotation` allows besides None, where that is one thing."""
    if get_origin(annotation) not in {Union, UnionType}:
        return annotation
    others = [one for one in get_args(annotation) if one is not NoneType]
    return others[0] if len(others) == 1 else annotation


def _shape_of(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    shape = SHAPES.get(str(context.get("pattern")))
    return shape.meaning if shape else str(context.get("meaning", "different text"))


def _wrong_value(detail: ErrorDetails, location: Sequence[str | int], node: Node) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _TYPE_MESSAGES:
        return _TYPE_MESSAGES[kind](node)
    if kind == "enum":
        return _unknown_word(str(location[0]), node, str(context.get("expected", "")))
    if kind == "string_pattern_mismatch":
        return f"{_written(node)} is not {_shape_of(detail)}"
    # Errors that the models raise themselves are worded for people already.
    return _LIMIT_MESSAGES.get(kind, detail["msg"]).format(**context)


def _written(node: Node) -> str:
    return repr(node.value) if isinstance(node, ScalarNode) else _described(node)


def _has_items(node: Node) -> bool:
    return bool((isinstance(node, ListNode) and node.items) or (isinstance(node, MapNode) and node.entries))


def _described(node: Node) -> str:
    if isinstance(node, MapNode):
        return "a mapping"
    if isinstance(node, ListNode):
        return "a list"
    if not isinstance(node, ScalarNode) or node.value is None:
        return "null"
    if isinstance(node.value, bool):
        return f"the boolean {node.text}"
    if isinstance(node.value, int | float):
        return f"the number {node.text}"
    return f"the text {node.value!r}"


def _not_text(node: Node) -> str:
    if isinstance(node, ScalarNode) and node.value is not None:
        return f'must be text, not {_described(node)}; put it in quotes: "{node.text}"'
    hint = "; text with braces needs quotes" if isinstance(node, MapNode) else ""
    return f"must be text, not {_described(node)}{hint}"


def _unknown_word(field: str, node: Node, expected: str) -> str:
    """`expected` is pydantic's list of an enumeration's words."""
    name, known = _WORD_LISTS.get(field) or ("word", re.findall("'([^']*)'", expected))
    if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
        return f"must be one of {', '.join(known)}, not {_described(node)}"
    if field == "architectures" and (same := _same_architecture(node.value)):
        return f"unknown architecture {node.value!r}; it is called {same} here; known: {', '.join(known)}"
    return f"unknown {name} {node.value!r}{suggestion(node.value, 'known', known)}"


def _same_architecture(name: str) -> str:
    """Our name of the architecture that Go, Debian or the kernel call `name`."""
    for arch, facts in ARCH_FACTS.items():
        if name in {facts.goarch, facts.debian, facts.machine, f"{facts.goarch}v{facts.goarm}"}:
            return arch.value
    return ""


def _not_integer(node: Node) -> str:
    hint = ""
    if isinstance(node, ScalarNode) and isinstance(node.value, str) and _ODD_INTEGER.fullmatch(node.text):
        hint = "; write decimal digits only" if node.plain else "; remove the quotes"
    return f"must be a whole number, not {_described(node)}{hint}"


def _not_boolean(node: Node) -> str:
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        meant = _YAML_1_1_BOOLEANS.get(node.text.lower(), node.text.lower())
        if meant in {"true", "false"}:
            return f"must be true or false; write {meant}, without quotes, instead of {node.text!r}"
    return f"must be true or false, not {_described(node)}"


def _not_list(node: Node) -> str:
    hint = f"; write [{node.text}]" if isinstance(node, ScalarNode) and node.text else ""
    return f"must be a list, not {_described(node)}{hint}"


def _not_mapping(node: Node) -> str:
    return f"must be a mapping ('key: value'), not {_described(node)}"


_TYPE_MESSAGES: Mapping[str, Callable[[Node], str]] = {
    "string_type": _not_text,
    "int_type": _not_integer,
    "bool_type": _not_boolean,
    "tuple_type": _not_list,
    "dict_type": _not_mapping,
    "model_type": _not_mapping,
}
_LIMIT_MESSAGES: Mapping[str, str] = {
    "too_short": "must not be empty",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
}

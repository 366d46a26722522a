"""Reads the files of knowledge, and tells every mistake in them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from builder.core.errors import RecipeError
from builder.rootfs.knowledge.files import IDS, SNIPPETS
from builder.rootfs.knowledge.model import Ids, Knowledge, ScriptKnowledge, Snippet

_Model = TypeVar("_Model", bound=BaseModel)


def read_knowledge(files: Mapping[str, Path]) -> Knowledge:
    """What `files` (see `knowledge_files`) say; `RecipeError` with `file:line` of every mistake in any of them."""
    snippets: list[Snippet] = []
    scripts: list[ScriptKnowledge] = []
    users: dict[str, int] = {}
    groups: dict[str, int] = {}
    mistakes: list[str] = []
    for name, path in files.items():
        text = path.read_bytes()
        if name.endswith(f"/{SNIPPETS}"):
            snippets += _entries(text, path, Snippet, mistakes)
        elif name.endswith(f"/{IDS}"):
            for ids in _checked(_parsed(text, path, mistakes) or {}, f"{path}", Ids, mistakes):
                users |= ids.users
                groups |= ids.groups
        else:
            scripts += _entries(text, path, ScriptKnowledge, mistakes)
    if mistakes:
        raise RecipeError("what is known of maintainer scripts cannot be read", details=mistakes)
    return Knowledge(snippets=tuple(snippets), scripts=tuple(scripts), ids=Ids(users=users, groups=groups))


def _entries(text: bytes, path: Path, model: type[_Model], mistakes: list[str]) -> Sequence[_Model]:
    written = _parsed(text, path, mistakes)
    if written is None:
        return []
    if not isinstance(written, list):
        mistakes.append(f"{path}: must be a list of entries, each with a '-' in front")
        return []
    found: list[_Model] = []
    for number, entry in enumerate(written):
        # Lines take long to find, and only mistakes are told with them.
        problems: list[str] = []
        found += _checked(entry, "", model, problems)
        if problems:
            mistakes += [f"{path}{_line(text, number)}{problem}" for problem in problems]
    return found


def _line(text: bytes, number: int) -> str:
    """`:` and the line of an entry."""
    document = yaml.compose(text)
    return f":{document.value[number].start_mark.line + 1}" if isinstance(document, yaml.SequenceNode) else ""


def _checked(value: object, where: str, model: type[_Model], mistakes: list[str]) -> Sequence[_Model]:
    """The one model that `value` makes, or none, and its mistakes."""
    try:
        return [model.model_validate(value)]
    except ValidationError as error:
        for one in error.errors():
            place = ".".join(str(part) for part in one["loc"])
            mistakes.append(f"{where}: {f'{place}: ' if place else ''}{one['msg'].removeprefix('Value error, ')}")
        return []


def _parsed(text: bytes, path: Path, mistakes: list[str]) -> object:
    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        mistakes.append(f"{path}{line}: {error.problem}")
    except yaml.YAMLError as error:
        mistakes.append(f"{path}: {' '.join(str(error).split())}")
    return None

"""Reads knowledge from its directories, and only what a set of packages can need."""

from collections.abc import Mapping
from pathlib import Path

from builder.rootfs.knowledge.files import IDS, SNIPPETS
from builder.rootfs.knowledge.model import (
    Ids,
    Knowledge,
    ScriptKnowledge,
    Snippet,
    read_ids,
    read_scripts,
    read_snippets,
)


def read_knowledge(files: Mapping[str, Path]) -> Knowledge:
    """What `files` (see `knowledge_files`) say; `RecipeError` for mistakes in them."""
    snippets: list[Snippet] = []
    scripts: list[ScriptKnowledge] = []
    users: dict[str, int] = {}
    groups: dict[str, int] = {}
    for name, path in files.items():
        text = path.read_text()
        if name.endswith(f"/{SNIPPETS}"):
            snippets += read_snippets(text, str(path))
        elif name.endswith(f"/{IDS}"):
            ids = read_ids(text, str(path))
            users |= ids.users
            groups |= ids.groups
        else:
            scripts += read_scripts(text, str(path))
    return Knowledge(snippets=tuple(snippets), scripts=tuple(scripts), ids=Ids(users=users, groups=groups))

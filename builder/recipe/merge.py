"""Lays the files of a recipe over each other.

A file stands above the files that its `extends` names, and each of those above the ones named before it. Mappings merge
key by key; lists and scalars are replaced; `null` drops what was inherited. Every value keeps its place.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

from builder.core.nearest import nearest
from builder.formats.yaml_source import read_document
from builder.formats.yaml_tree import (
    DroppedNode,
    Entry,
    ListNode,
    MapNode,
    Node,
    Place,
    Problem,
    ScalarNode,
    Source,
    shown_path,
)

EXTENDS = "extends"
# Nobody stacks this many files by intention, and a chain must not exhaust Python's stack.
MAX_CHAIN = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The files of a recipe as one tree.

    `files` are absolute, in the order in which they were first named. `complete` is False where a file could not be
    read or understood: what is missing from `root` then says nothing.
    """

    root: MapNode
    files: tuple[Path, ...]
    problems: tuple[Problem, ...]
    complete: bool


def merge_files(path: Path, cwd: Path) -> Merged:
    """The tree of the recipe in `path` (relative to `cwd`) and everything that it extends."""
    reader = _Reader(cwd=cwd)
    absolute = Path(os.path.normpath(cwd / path))
    root = reader.tree(absolute, named_at=None)
    return Merged(
        root=root or MapNode(place=Place(source=_source(absolute, cwd)), entries={}),
        files=tuple(reader.files),
        problems=tuple(reader.problems),
        complete=reader.complete,
    )


def overlay(lower: Node | None, upper: Node) -> Node:
    """`upper` laid over `lower`, which is None where nothing was inherited."""
    if isinstance(lower, MapNode) and isinstance(upper, MapNode):
        entries = dict(lower.entries)
        for key, entry in upper.entries.items():
            below = entries.get(key)
            value = overlay(below.value if below else None, entry.value)
            entries[key] = Entry(key_place=entry.key_place, value=value)
        return MapNode(place=upper.place, entries=entries)
    if is_null(upper) and lower is not None and not is_null(lower):
        return DroppedNode(place=upper.place)
    return upper


def is_null(node: Node) -> bool:
    """Whether `node` is a written null, which has not dropped anything so far."""
    return isinstance(node, ScalarNode) and node.value is None


@dataclass(slots=True, kw_only=True)
class _Reader:
    """Reads each file once, however often it is named. `chain` is what is being read now: files and who named them."""

    cwd: Path
    problems: list[Problem] = field(default_factory=list)
    files: dict[Path, None] = field(default_factory=dict)
    complete: bool = True
    chain: "dict[str, Place | None]" = field(default_factory=dict)
    trees: "dict[str, MapNode | None]" = field(default_factory=dict)

    def tree(self, path: Path, named_at: Place | None) -> MapNode | None:
        """The file at `path` laid over all that it extends; None where it gives no tree."""
        identity = os.path.realpath(path) if "\0" not in str(path) else str(path)
        if named_at and identity in self.chain:
            self._complain(named_at, self._describe_cycle(identity, named_at))
            return None
        if identity not in self.trees:
            if named_at and len(self.chain) >= MAX_CHAIN:
                self._complain(named_at, f"more than {MAX_CHAIN} files extend each other in a chain")
                return None
            self.chain[identity] = named_at
            self.trees[identity] = self._read(path, named_at)
            del self.chain[identity]
        return self.trees[identity]

    def _read(self, path: Path, named_at: Place | None) -> MapNode | None:
        source = _source(path, self.cwd)
        document = read_document(path, source)
        if document.root is None and all(not problem.place.line for problem in document.problems):
            for problem in document.problems:
                subject = f"{source.name}: " if named_at else ""
                self._complain(named_at or problem.place, f"{subject}{problem.message}{_near_file(path)}")
            return None
        self.files[path] = None
        self.problems += document.problems
        if not isinstance(document.root, MapNode):
            if document.root is not None:
                self._complain(
                    document.root.place, "a recipe is a mapping: lines of 'key: value', a space after the ':'"
                )
            self.complete = False
            return None
        below: Node | None = None
        for name in self._extended(document.root):
            lower = self.tree(Path(os.path.normpath(source.base / str(name.value))), name.place)
            below = overlay(below, lower) if lower else below
        own = {key: entry for key, entry in document.root.entries.items() if key != EXTENDS}
        tree = overlay(below, MapNode(place=document.root.place, entries=own))
        return tree if isinstance(tree, MapNode) else None

    def _extended(self, root: MapNode) -> list[ScalarNode]:
        entry = root.entries.get(EXTENDS)
        if entry is None:
            return []
        names = entry.value.items if isinstance(entry.value, ListNode) else (entry.value,)
        good: list[ScalarNode] = []
        for name in names:
            if isinstance(name, ScalarNode) and isinstance(name.value, str) and name.value:
                good.append(name)
            else:
                self._complain(name.place, f"{EXTENDS}: must be a file name or a list of file names")
        return good

    def _complain(self, place: Place, message: str) -> None:
        self.problems.append(Problem(place=place, message=message))
        self.complete = False

    def _describe_cycle(self, identity: str, named_at: Place) -> str:
        """Every file of the circle with the place where it names the next one."""
        chain = list(self.chain)
        circle = chain[chain.index(identity) :]
        places = [*(self.chain[file] for file in circle[1:]), named_at]
        return "extends in a circle: " + " -> ".join([*map(str, places), shown_path(Path(identity), self.cwd)])


def _source(path: Path, cwd: Path) -> Source:
    return Source(name=shown_path(path, cwd), base=path.parent)


def _near_file(path: Path) -> str:
    """Names the file beside the missing `path` that was probably meant."""
    try:
        siblings = (
            [entry for entry in path.parent.iterdir() if entry.suffix == path.suffix] if not path.exists() else []
        )
    except (OSError, ValueError):
        return ""
    # Without the suffix, which would make all of them look alike.
    near = nearest(path.stem, sorted(entry.stem for entry in siblings))
    return f"; did you mean {near + path.suffix!r}?" if near else ""

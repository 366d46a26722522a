"""What customizing changed, found by comparing the tree before and after each part: nothing can be forgotten."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from enum import StrEnum

from builder.rootfs.effects.base import Image
from builder.rootfs.tree import Kind, Node

# How everything that customizes names itself; no package's name begins so.
_OURS = ("overlay ", "rootfs.", "slim ")
# Files that several write to, a line each.
_MERGED = frozenset(
    f"etc/{name}" for name in (*(f"{one}{old}" for one in ("passwd", "group", "shadow", "gshadow") for old in ("", "-")),
                               "subuid", "subgid")
)  # fmt: skip


class Action(StrEnum):
    """What happened to a path; directories and files of many lines are merged."""

    ADDED = "added"
    REPLACED = "replaced"
    MERGED = "merged"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One path that differs from what packages make of it.

    `by` says what changed it: `overlay NAME`, or a section of the recipe. `package` is whose file it was, empty where no package
    had it. `mode` (octal digits), `owner` and `group` are those that it has now, or had when it was removed.
    """

    path: str
    action: Action
    by: str
    package: str
    mode: str
    owner: str
    group: str


_FIELDS = tuple(one.name for one in fields(Change))


@dataclass(slots=True, kw_only=True)
class Changes:
    """Collects the changes to `image`."""

    image: Image
    found: list[Change] = field(default_factory=list)

    @contextmanager
    def by(self, what: str) -> Iterator[None]:
        """Ascribe to `what` everything that the block does to the image's tree."""
        tree = self.image.tree
        before = dict(tree.nodes)
        tree.writer = what
        yield
        tree.writer = ""
        after = tree.nodes
        touched = {path for path, node in after.items() if before.get(path) is not node}
        for path in sorted(touched | (before.keys() - after.keys())):
            old, new = before.get(path), after.get(path)
            if old is None or new is None or _differ(old, new):
                self.found.append(self._change(path, old, new, what))

    def _change(self, path: str, old: Node | None, new: Node | None, by: str) -> Change:
        told = new or old
        assert told is not None  # noqa: S101 - one of both is there
        users = {one.uid: one.name for one in self.image.accounts.users.values()}
        groups = {one.gid: one.name for one in self.image.accounts.groups.values()}
        return Change(
            path=f"/{path}",
            action=_action(path, old, new),
            by=by,
            package=old.owner if old is not None and not by_customizing(old) else "",
            mode=f"{told.mode:04o}",
            owner=users.get(told.uid, str(told.uid)),
            group=groups.get(told.gid, str(told.gid)),
        )


def by_customizing(node: Node) -> bool:
    """Whether something that the recipe lays over packages has written `node`; the rest is of packages, or of their scripts."""
    return node.owner.startswith(_OURS)


def _differ(old: Node, new: Node) -> bool:
    """Whether two nodes differ in more than who wrote them, and when."""
    return (old.kind, old.mode, old.uid, old.gid, old.content, old.target, old.capabilities) != (
        new.kind, new.mode, new.uid, new.gid, new.content, new.target, new.capabilities,
    )  # fmt: skip


def _action(path: str, old: Node | None, new: Node | None) -> Action:
    if new is None:
        return Action.REMOVED
    if old is None:
        return Action.ADDED
    both_directories = old.kind is Kind.DIRECTORY and new.kind is Kind.DIRECTORY
    return Action.MERGED if both_directories or path in _MERGED else Action.REPLACED


def changes_json(changes: Sequence[Change]) -> bytes:
    """The file `changes.json`: every change on a line of its own, in the order in which they were made."""
    # Not asdict, which copies deeply: there are thousands of changes, all of flat fields.
    flat = ({name: getattr(change, name) for name in _FIELDS} for change in changes)
    rows = ",\n".join(f"  {json.dumps(row, ensure_ascii=False)}" for row in flat)
    return f'{{"changes": [\n{rows}\n]}}\n'.encode() if rows else b'{"changes": []}\n'


def read_changes(data: bytes) -> list[Change]:
    """What `changes_json` wrote."""
    rows: Sequence[Mapping[str, str]] = json.loads(data)["changes"]
    return [Change(**{**row, "action": Action(row["action"])}) for row in rows]  # type: ignore[arg-type]

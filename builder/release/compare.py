"""What changed between two releases."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from builder.release.record import ARTIFACTS, Contents, Release, ReleasedFile

Value = TypeVar("Value")
SECTIONS = ("components", "packages", "modules", "kernel", "files")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One entry that differs: `old` is None where it was added, `new` where it was removed."""

    name: str
    old: Any
    new: Any

    @property
    def sign(self) -> str:
        """`+` for what was added, `-` for what was removed, `~` for what is another."""
        return "+" if self.old is None else "-" if self.new is None else "~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two artifacts of the same name: sizes in bytes (None where there is no such artifact), and changes by section."""

    artifact: str
    old_bytes: int | None
    new_bytes: int | None
    same: bool
    sections: Mapping[str, Sequence[Change]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A release and what its artifacts contain, by the artifact's name."""

    record: Release
    contents: Mapping[str, Contents]


def compare(old: Described, new: Described) -> list[Comparison]:
    """All artifacts of both, sorted by name."""
    before, after = _artifacts(old.record), _artifacts(new.record)
    return [
        Comparison(
            artifact=name,
            old_bytes=before[name].size_bytes if name in before else None,
            new_bytes=after[name].size_bytes if name in after else None,
            same=name in before and name in after and before[name].sha256 == after[name].sha256,
            sections=dict(_sections(old.contents.get(name), new.contents.get(name))),
        )
        for name in sorted(before.keys() | after.keys())
    ]


def changes_by_component(comparisons: Sequence[Comparison]) -> dict[str, dict[Change, list[str]]]:
    """Changes of components, packages, modules and kernel options by section; each with the artifacts that it is in."""
    found: dict[str, dict[Change, list[str]]] = {}
    for comparison in comparisons:
        for section, changes in comparison.sections.items():
            if section != "files" and comparison.old_bytes is not None and comparison.new_bytes is not None:
                for change in changes:
                    found.setdefault(section, {}).setdefault(change, []).append(comparison.artifact)
    return found


def comparison_json(comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
    """For programs."""
    return [asdict(one) for one in comparisons]


def _artifacts(record: Release) -> dict[str, ReleasedFile]:
    return {one.path: one for one in record.files if one.role in ARTIFACTS}


def _sections(old: Contents | None, new: Contents | None) -> Iterator[tuple[str, list[Change]]]:
    """What differs in sections that both have; nothing where there is only one of both: all of it is new, or gone."""
    if old is None or new is None:
        return
    for section in SECTIONS:
        changes = list(_changes(getattr(old, section), getattr(new, section)))
        if changes:
            yield section, changes


def _changes(old: Mapping[str, Value], new: Mapping[str, Value]) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield Change(name=name, old=old.get(name), new=new.get(name))

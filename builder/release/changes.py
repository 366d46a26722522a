"""Changes between releases, as text for people."""

from collections.abc import Iterator, Sequence

from builder.core.resources import format_size
from builder.release.compare import Change, Comparison, changes_by_component

_TITLES = {
    "components": "Components",
    "packages": "Debian packages",
    "modules": "Go modules",
    "kernel": "Kernel options",
}
_FILES = "files"


def changes_markdown(title: str, previous: str, comparisons: Sequence[Comparison]) -> str:
    """`CHANGES.md`: what is new in the release `title` since `previous`, by component; without one it says so."""
    if not previous:
        return f"# {title}\n\nThis is the first release: there is none to compare it with.\n"
    lines = [f"# {title}", "", f"Changes since {previous}.", ""]
    for section, changes in changes_by_component(comparisons).items():
        lines += [f"## {_TITLES[section]}", ""]
        lines += [f"- {_told(change)} ({', '.join(artifacts)})" for change, artifacts in changes.items()]
        lines.append("")
    lines += ["## Files to download", ""]
    lines += [f"- {line}" for one in comparisons for line in _sizes(one)] or ["- none"]
    return "\n".join(lines) + "\n"


def changes_text(comparisons: Sequence[Comparison], *, with_files: bool) -> str:
    """The same for a terminal, artifact by artifact; of files only how many changed unless they are wanted."""
    lines: list[str] = []
    for comparison in comparisons:
        lines += _sizes(comparison)
        for section, changes in comparison.sections.items():
            lines.append(f"  {_TITLES.get(section, section).lower()}: {_counted(changes)}")
            if section != _FILES or with_files:
                lines += [f"    {change.sign} {_told(change)}" for change in changes]
    return "\n".join(lines)


def _counted(changes: Sequence[Change]) -> str:
    words = {"+": "added", "-": "removed", "~": "changed"}
    counts = {word: sum(change.sign == sign for change in changes) for sign, word in words.items()}
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count)


def _told(change: Change) -> str:
    old, new = _value(change.old), _value(change.new)
    if change.old is None:
        return f"{change.name} {new} (new)"
    return f"{change.name} {old} (removed)" if change.new is None else f"{change.name} {old} → {new}"


def _value(value: object) -> str:
    """A version; of a file its mode, its size and the beginning of its digest, or a link's target."""
    if isinstance(value, tuple | list):
        mode, size_bytes, content = value
        return f"{mode} {size_bytes} B {str(content).removeprefix('sha256:')[:12]}"
    return str(value)


def _sizes(one: Comparison) -> Iterator[str]:
    if one.same:
        yield f"{one.artifact}: unchanged"
    elif one.old_bytes is None and one.new_bytes is not None:
        yield f"{one.artifact}: new, {format_size(one.new_bytes)}"
    elif one.new_bytes is None:
        yield f"{one.artifact}: removed"
    elif one.old_bytes is not None:
        difference = one.new_bytes - one.old_bytes
        sign = "+" if difference >= 0 else "-"
        yield (
            f"{one.artifact}: {format_size(one.old_bytes)} → {format_size(one.new_bytes)} "
            f"({sign}{format_size(abs(difference))})"
        )

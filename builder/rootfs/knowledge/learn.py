"""Prepares entries of packages whose scripts are not known: digests, and the text to read while the effects are filled in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from builder.core.digest import Digest
from builder.rootfs.content import PackageContent
from builder.rootfs.knowledge.match import UnknownScript, package_effects
from builder.rootfs.knowledge.model import Knowledge

_CHANGED = """\
# Another text of this script is known already: where this one does the same, add its digest there and delete this entry.
"""
_OPEN = "  effects: []  # what it does on a first installation: docs/reference/effects.md\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What is to be learnt of one package.

    `scripts` are texts of its own, `sections` are of generators, for snippets.yaml; `changed` names the scripts that other
    texts are known of.
    """

    package: str
    scripts: Sequence[UnknownScript]
    sections: Sequence[UnknownScript]
    changed: frozenset[str]


def prepare_lesson(package: PackageContent, knowledge: Knowledge) -> Lesson:
    """The lesson for `package`; it holds nothing where all is known."""
    unknown = [one for one in package_effects(package, knowledge) if isinstance(one, UnknownScript)]
    return Lesson(
        package=package.name,
        scripts=[one for one in unknown if not one.tool],
        sections=[one for one in unknown if one.tool],
        changed=frozenset(one.script for one in knowledge.of_package(package.name)),
    )


def write_entries(lessons: Iterable[Lesson]) -> list[str]:
    """YAML entries for all texts of lessons of one package; what versions and architectures share is there once.

    An entry is not accepted as it is: a build goes on refusing the package until somebody has said what its script does.
    """
    versions: dict[tuple[str, str], list[str]] = {}
    entries: dict[tuple[str, str], tuple[UnknownScript, bool]] = {}
    for lesson in lessons:
        for one in lesson.scripts:
            place = (one.script, one.text)
            entries.setdefault(place, (one, one.script in lesson.changed))
            seen = versions.setdefault(place, [])
            seen += [one.version] if one.version not in seen else []
    return [_entry(one, versions[place], changed=changed) for place, (one, changed) in entries.items()]


def _entry(unknown: UnknownScript, versions: Sequence[str], *, changed: bool) -> str:
    digest = Digest.of_bytes(unknown.text.encode(errors="surrogateescape")).hex
    told = ", ".join(versions)
    text = "".join(f"#   {line}\n" for line in _printable(unknown.text).split("\n")[:-1])
    return (
        f"# {unknown.package} {told}, {unknown.script}:\n{text}{_CHANGED if changed else ''}"
        f"- package: {unknown.package}\n  script: {unknown.script}\n  digests:\n    - {digest}  # {told}\n{_OPEN}"
    )


def _printable(text: str) -> str:
    """What YAML has in comments: other characters as Python writes them."""
    return "".join(one if one.isprintable() or one in "\n\t" else ascii(one)[1:-1] for one in text)

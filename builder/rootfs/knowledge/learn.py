"""Prepares the entry of a package whose scripts are not known: digests, and the text to read while the effects are filled in."""

from collections.abc import Sequence
from dataclasses import dataclass

from builder.core.digest import Digest
from builder.rootfs.content import PackageContent
from builder.rootfs.knowledge.match import UnknownScript, package_effects
from builder.rootfs.knowledge.model import Knowledge

_OPEN = "  effects: []  # to be filled in; docs/guides/rootfs.md lists the effects\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What is to be learnt of one package: `entry` is YAML for its file of knowledge, `sections` are for snippets.yaml."""

    package: str
    entry: str
    sections: Sequence[UnknownScript]


def prepare_lesson(package: PackageContent, knowledge: Knowledge) -> Lesson:
    """The lesson for `package`; `entry` is empty where all its own commands are known.

    An entry is not accepted as it is: a build goes on refusing the package until somebody has said what its script does.
    """
    unknown = [one for one in package_effects(package, knowledge) if isinstance(one, UnknownScript)]
    entries = "".join(_entry(one) for one in unknown if not one.tool)
    return Lesson(package=package.name, entry=entries, sections=[one for one in unknown if one.tool])


def _entry(unknown: UnknownScript) -> str:
    digest = Digest.of_bytes(unknown.text.encode(errors="surrogateescape")).hex
    text = "".join(f"#   {line}\n" for line in unknown.text.splitlines())
    return (
        f"# {unknown.package} {unknown.version}, {unknown.script}:\n{text}"
        f"- package: {unknown.package}\n  script: {unknown.script}\n  digests:\n    - {digest}  # {unknown.version}\n{_OPEN}"
    )

"""From the scripts of packages to their effects; a script that nothing is known of stops the build."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.rootfs.content import PackageContent
from builder.rootfs.effects.base import Effect
from builder.rootfs.knowledge.model import Knowledge, star_of
from builder.rootfs.knowledge.scripts import SCRIPTS, TRIPLETS, Script, Section, parse_script

_SHOWN_LINES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownScript:
    """A part of a script that no knowledge covers: `tool` names the generator of a section, empty for the packager's own text."""

    package: str
    version: str
    script: str
    tool: str
    text: str

    def __str__(self) -> str:
        what = f"a section of {self.tool}" if self.tool else "its own commands"
        return f"{self.package} {self.version}: {self.script}: {what}"


def find_effects(packages: Iterable[PackageContent], knowledge: Knowledge) -> list[tuple[str, Effect]]:
    """The effects of all scripts, each with its package; `BuilderError` shows every script that is not known."""
    effects: list[tuple[str, Effect]] = []
    unknown: list[UnknownScript] = []
    for package in packages:
        for found in package_effects(package, knowledge):
            if isinstance(found, UnknownScript):
                unknown.append(found)
            else:
                effects.append((package.name, found))
    if unknown:
        raise _unknown_scripts(unknown)
    return effects


def package_effects(package: PackageContent, knowledge: Knowledge) -> Iterator[Effect | UnknownScript]:
    """What the scripts of `package` do, in their order, and the parts of them that are not known."""
    for name in SCRIPTS:
        text = package.text(name)
        if not text:
            continue
        script = parse_script(text, architecture=package.architecture, version=package.version)
        for section in script.sections:
            found = _section_effects(section, name, knowledge)
            if found is None:
                yield _unknown(package, name, section.tool, section.body)
            else:
                yield from found
        if script.rest:
            yield from _rest_effects(package, name, script, knowledge)


def normalised_rest(package: PackageContent, script: Script, pattern: str) -> str:
    """The text that `Knowledge` of packages like `pattern` names by its digest."""
    star = star_of(pattern, package.name)
    return script.rest.replace(star, "@NAME@") if star else script.rest


def _section_effects(section: Section, script: str, knowledge: Knowledge) -> list[Effect] | None:
    """What the section does, which may be nothing; None where no template fits."""
    for snippet in knowledge.snippets:
        if snippet.tool != section.tool or script not in snippet.scripts:
            continue
        matches = snippet.match(section.body)
        if matches is not None:
            return [one.effect(values) for values in matches for one in snippet.effects]
    return None


def _rest_effects(
    package: PackageContent, name: str, script: Script, knowledge: Knowledge
) -> Iterator[Effect | UnknownScript]:
    for known in knowledge.of_package(package.name):
        text = normalised_rest(package, script, known.package)
        digest = Digest.of_bytes(text.encode(errors="surrogateescape")).hex
        if known.script == name and digest in known.digests:
            values = {
                "star": star_of(known.package, package.name) or "",
                "package": package.name,
                "architecture": package.architecture,
                "triplet": TRIPLETS.get(package.architecture, ""),
            }
            yield from (one.effect(values) for one in known.effects)
            return
    yield _unknown(package, name, "", script.rest)


def _unknown(package: PackageContent, script: str, tool: str, text: str) -> UnknownScript:
    return UnknownScript(package=package.name, version=package.version, script=script, tool=tool, text=text)


def _unknown_scripts(unknown: list[UnknownScript]) -> BuilderError:
    details: list[str] = []
    for one in unknown:
        lines = one.text.splitlines()
        details += [str(one), *(f"    {line}" for line in lines[:_SHOWN_LINES])]
        if len(lines) > _SHOWN_LINES:
            details.append(f"    ... {len(lines) - _SHOWN_LINES} more lines")
    names = " ".join(dict.fromkeys(one.package for one in unknown))
    return BuilderError(
        "maintainer scripts that nothing is known of: what they do to the file system cannot be replayed",
        details=details,
        hint=f"run 'builder rootfs learn {names}', which prepares the entries to fill in; or set rootfs.engine: mmdebstrap, "
        "which runs the scripts",
    )

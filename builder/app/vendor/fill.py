"""`builder vendor`: fetching what is missing, and looking whether everything is there."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.app.session import Session
from builder.app.vendor.compose import Scope, all_parts
from builder.app.vendor.directory import VendorDirectory, fill_command, filling, open_directory
from builder.app.vendor.parts import Part
from builder.app.vendor.sources import SourceParts
from builder.app.workspace import Workspace
from builder.core.digest import Digest
from builder.core.errors import VerificationError
from builder.exec.result import BuildResult, StepsFailedError
from builder.steps.step import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a directory holds for a recipe, and how many of its parts were fetched now."""

    parts: int
    fetched: int
    size_bytes: int


def fill(session: Session, workspace: Workspace, scope: Scope, root: Path, sources: SourceParts) -> Held:
    """Make the directory `root` hold everything of `scope`, and `sources`; what is there already, whole, stays.

    What could be fetched is kept even where other parts could not, whose errors are raised then.
    """
    parts = [*all_parts(workspace, scope), *sources.parts]
    with filling(root) as directory:
        problems = directory.problems(parts, session.cancel.check)
        if problems.parts:
            _fetch(session, directory, problems.parts)
        directory.note_lock(_name(session, workspace), Digest.of_file(workspace.lock_file))
        if sources.missing:
            raise VerificationError(
                "the sources of some packages are no longer where the recipe's packages come from",
                details=sources.missing,
                hint="keep sources on the day of a release; a snapshot of the mirror may have them: BUILDER_DEBIAN_MIRROR",
            )
        return _held(directory, parts, fetched=len(problems.parts))


def check(session: Session, workspace: Workspace, scope: Scope, root: Path, sources: SourceParts) -> Held:
    """Compare every file of the directory `root` with the lock, and `sources` with the indexes that they are of.

    `VerificationError` tells all that is wrong.
    """
    directory = open_directory(root)
    parts = [*all_parts(workspace, scope), *sources.parts]
    told = directory.problems(parts, session.cancel.check, by_pins=True).told
    told += [f"of other locks: {line}" for line in directory.damaged(parts, session.cancel.check)]
    told += sources.missing
    if told:
        raise VerificationError(
            f"{root} does not hold everything that {_name(session, workspace)} needs",
            details=told,
            hint=f"run {fill_command(root)} again, with the same options, where registries have it",
        )
    return _held(directory, parts, fetched=0)


def _fetch(session: Session, directory: VendorDirectory, parts: list[Part]) -> None:
    # Several parts may come by one step; and of the same id are only those of equal facts.
    steps: dict[Digest, Step[Any]] = {part.step.key: part.step for part in parts}
    try:
        result = session.build(list(steps.values()))
    except StepsFailedError as error:
        _take_in(session, directory, parts, error.result)
        raise
    _take_in(session, directory, parts, result)


def _take_in(session: Session, directory: VendorDirectory, parts: list[Part], result: BuildResult) -> None:
    brought = [(part, result.output(part.step)) for part in parts if part.step.key in result.targets]
    directory.put(brought, session.cancel.check)


def _held(directory: VendorDirectory, parts: list[Part], *, fetched: int) -> Held:
    places = {place for part in parts for place in directory.manifest.parts[part.key].files}
    size_bytes = sum(directory.manifest.files[place].size_bytes for place in places)
    return Held(parts=len(parts), fetched=fetched, size_bytes=size_bytes)


def _name(session: Session, workspace: Workspace) -> str:
    """The recipe's file, as a checkout elsewhere calls it too."""
    recipe = workspace.loaded.files[0].resolve()
    return str(recipe.relative_to(session.project.root) if recipe.is_relative_to(session.project.root) else recipe.name)

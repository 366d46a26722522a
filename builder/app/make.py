"""The main job: from a recipe to files in the output directory."""

from collections.abc import Sequence
from pathlib import Path

from builder.app.artifacts import Artifacts
from builder.app.session import Session
from builder.app.stamp import Finished
from builder.app.wanted import Wanted
from builder.app.workspace import Workspace
from builder.core.errors import RecipeError, VerificationError
from builder.core.events import BuildFinished, Warned
from builder.core.nearest import suggestion
from builder.core.output import Output
from builder.core.resources import Resources
from builder.exec.result import BuildResult, StepsFailedError
from builder.plan.compose import Target, compose
from builder.plan.plan import Action, Plan
from builder.steps.step import reached


def plan_build(session: Session, workspace: Workspace, wanted: Wanted) -> Plan:
    """What `make_artifacts` would do, by the store's index."""
    return session.plan([target.step for target in targets_of(workspace, wanted)])


def make_artifacts(session: Session, workspace: Workspace, wanted: Wanted, out: Path) -> Finished:
    """Build what is `wanted` of `workspace`'s recipe into `out/RECIPE/ARCH`."""
    targets = targets_of(workspace, wanted)
    artifacts = Artifacts(session=session, workspace=workspace, out=out)
    artifacts.check(targets)
    try:
        result = session.build([target.step for target in targets])
    except StepsFailedError as error:
        session.sink(_finished(error.result))
        raise
    try:
        written = artifacts.write(targets, result)
    except VerificationError:
        # A result was damaged so that only its content tells, which is read when it is copied.
        if not _remove_damaged(session, targets):
            raise
        result = session.build([target.step for target in targets])
        written = artifacts.write(targets, result)
    session.sink(_finished(result))
    return Finished(
        places=workspace.places,
        out=out,
        written=written,
        steps=[planned.step.key for planned in result.plan.steps if planned.action is not Action.UNNEEDED],
        targets=[target.step.key for target in targets],
    )


def _remove_damaged(session: Session, targets: Sequence[Target]) -> bool:
    """Remove the stored results of `targets` that are damaged; whether there were any."""
    found = False
    for step in (target.step for target in targets):
        damage = session.store.repair(step.key, thorough=True, cancel=session.cancel)
        if damage is not None:
            message = f"the stored result of {step.id} is damaged and is made again: {damage}"
            session.sink(Warned(message=message))
            found = True
    return found


def _finished(result: BuildResult) -> BuildFinished:
    return BuildFinished(
        ok=not result.failures,
        duration_s=result.duration_s,
        built=result.built,
        cached=result.cached,
        failed=len(result.failures),
        skipped=len(result.skipped),
    )


def largest_step(workspace: Workspace) -> Resources:
    """The most cores and the most memory that any step of the recipe declares."""
    declared = [step.resources for target in targets_of(workspace, Wanted()) for step in reached(target.step)]
    return Resources(cores=max(one.cores for one in declared), memory_bytes=max(one.memory_bytes for one in declared))


def targets_of(workspace: Workspace, wanted: Wanted) -> tuple[Target, ...]:
    """The targets of the recipe that are `wanted`; `RecipeError` where the recipe does not name one of them."""
    recipe, origin = workspace.inputs.recipe, workspace.loaded.origin
    _require_boards(workspace, wanted)
    possible = (*recipe.outputs, Output.ROOTFS, Output.UPDATE) if Output.IMAGE in recipe.outputs else recipe.outputs
    for asked, named, key in (
        (wanted.archs, recipe.architectures, "architectures"),
        (wanted.outputs, possible, "outputs"),
    ):
        if missing := [one for one in asked if one not in named]:
            raise RecipeError(
                f"the recipe {recipe.name!r} is not for {', '.join(missing)}",
                hint=f"it names {', '.join(dict.fromkeys(named))} ({origin(key)})",
            )
    boards = [recipe.boards[name] for name in wanted.boards]
    archs = tuple(dict.fromkeys(wanted.archs or [board.architecture for board in boards])) or recipe.architectures
    outputs = tuple(wanted.outputs) or ((Output.IMAGE,) if boards else recipe.outputs)
    return compose(workspace.inputs, archs, outputs, wanted.boards)


def _require_boards(workspace: Workspace, wanted: Wanted) -> None:
    """Raise where a board is asked for that there is none of, or that is of another architecture than those asked for."""
    recipe = workspace.inputs.recipe
    known = sorted(recipe.boards)
    for name in wanted.boards:
        if name not in recipe.boards:
            raise RecipeError(
                f"there is no board {name!r}{suggestion(name, 'known', known)}",
                hint="boards are described in recipes/boards/; docs/guides/boards.md says how to add one",
            )
        arch = recipe.boards[name].architecture
        if arch not in (wanted.archs or recipe.architectures):
            raise RecipeError(f"the board {name} is of {arch}, which is not asked for", hint=f"add --arch {arch}")
    if wanted.boards and Output.IMAGE not in recipe.outputs:
        raise RecipeError(
            f"the recipe {recipe.name!r} makes no images, for no board",
            hint=f"outputs needs image ({workspace.loaded.origin('outputs')})",
        )

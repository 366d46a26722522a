"""What a recipe changes of its packages' files, out of the root file systems that were built."""

from collections.abc import Mapping, Sequence

from builder.app.make import targets_of
from builder.app.session import Session
from builder.app.wanted import Wanted
from builder.app.workspace import Workspace
from builder.core.arch import Arch
from builder.core.errors import BuilderError
from builder.core.output import Output
from builder.rootfs.customize.changes import Change, read_changes
from builder.steps.kinds.rootfs import CHANGES


def changed_files(session: Session, workspace: Workspace, archs: Sequence[Arch]) -> Mapping[Arch, Sequence[Change]]:
    """The changes for each of `archs`, all of the recipe's where none is named; `BuilderError` where one is not built."""
    found: dict[Arch, Sequence[Change]] = {}
    missing: list[Arch] = []
    for target in targets_of(workspace, Wanted(archs=archs, outputs=[Output.ROOTFS])):
        entry = session.store.open(target.step.key)
        if entry is None:
            missing.append(target.arch)
        else:
            found[target.arch] = read_changes((entry.output / CHANGES).read_bytes())
    if missing:
        recipe = workspace.loaded.shown(workspace.loaded.files[0])
        named = "".join(f" --arch {arch}" for arch in missing)
        raise BuilderError(
            f"what {workspace.inputs.recipe.name} changes is known when it is built, as it is now; it is not yet for"
            f" {', '.join(missing)}",
            hint=f"run 'builder make {recipe}{named} --target rootfs' first",
        )
    return found

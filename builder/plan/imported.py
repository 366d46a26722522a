"""The step that takes in an executable which somebody else compiled."""

from builder.core.arch import Arch
from builder.core.digest import Digest
from builder.core.resources import MIB, Resources
from builder.plan.inputs import Inputs
from builder.recipe.cluster import ImportedCluster
from builder.recipe.keypath import format_key_path
from builder.steps.kinds.imported import IMPORT, ImportInput
from builder.steps.source import SourceFile
from builder.steps.step import Step

# Copying in pieces, and an audit that reads in pieces.
_IMPORT = Resources(cores=1, memory_bytes=256 * MIB)


def import_step(inputs: Inputs, cluster: ImportedCluster, arch: Arch) -> Step[ImportInput]:
    """The step that brings the executable of `cluster` for `arch`."""
    wanted = cluster.executables[arch]
    digest = Digest(f"sha256:{wanted.sha256}")
    where = ("cluster", "executables", str(arch))
    # The file is not read to plan: the recipe says which content it must have, and the step compares.
    sources = {"file": SourceFile(path=wanted.file, digest=digest)} if wanted.file else {}
    return Step(
        id=f"{inputs.recipe.name}/{arch}/executable",
        kind=IMPORT,
        input=ImportInput(name=cluster.name, arch=arch, digest=digest, url=wanted.url or ""),
        sources=sources,
        resources=_IMPORT,
        origins={
            "input.name": inputs.origin("cluster.name"),
            "input.digest": inputs.origin(format_key_path((*where, "sha256"))),
            "input.url": inputs.origin(format_key_path((*where, "url"))),
            **inputs.places(sources),
        },
    )

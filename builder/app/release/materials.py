"""What the builds of a release used, tools too."""

from collections.abc import Iterator
from typing import Any

from builder.app.release.bill import Biller
from builder.app.release.made import Made
from builder.core.digest import Digest
from builder.gobuild.modules import parse_go_sum
from builder.release.provenance import Material
from builder.sbom.component import Origin, pinned_package
from builder.steps.kinds.debian import ArchiveInput
from builder.steps.kinds.pulled import BlobInput
from builder.steps.step import Step, reached


def materials_of(made: Made, biller: Biller) -> Iterator[Material]:
    """Everything that came from the recipe, the lock and the checkout; what a lock pins and nothing used is left out."""
    workspace = made.workspace
    lock, host = workspace.lock, workspace.inputs.host
    for recipe in biller.recipes():
        yield Material(uri=recipe.name, digest=str(recipe.digest))
    yield Material(uri=f"pkg:golang/golang.org/toolchain@{lock.go.version}?arch={host}", digest=lock.go.sums[host])
    for name, wheel in lock.wheels.items():
        yield Material(uri=f"pkg:pypi/{name}@{wheel.version}?arch={host}", digest=wheel.digests[host])
    if go_sum := workspace.inputs.module.get("go.sum"):
        for line in parse_go_sum(go_sum.path.read_text()):
            if not line.go_mod_only:
                yield Material(uri=f"pkg:golang/{line.path}@{line.version}", digest=line.h1)
    for target in made.targets:
        for step in reached(target.step):
            yield from _of_step(step)


def _of_step(step: Step[Any]) -> Iterator[Material]:
    for name, source in step.sources.items():
        yield Material(uri=name, digest=source.digest)
    if isinstance(step.input, ArchiveInput):
        for pin in step.input.pins:
            one = pinned_package(pin.name, pin.version, pin.architecture, Digest(pin.sha256), Origin())
            yield Material(uri=one.purl, digest=pin.sha256)
    elif isinstance(step.input, BlobInput):
        yield Material(uri=f"oci:{step.input.reference}", digest=step.input.digest)

"""What a build made for a release, and the steps behind it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from builder.app.make import make_artifacts, targets_of
from builder.app.session import Session
from builder.app.wanted import Wanted
from builder.app.workspace import Workspace
from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.core.output import Output
from builder.debian.pins import PinnedFile
from builder.exec.result import BuildResult
from builder.plan.compose import Target
from builder.plan.shipped import LegalPlan, Shipped
from builder.release.record import Role
from builder.steps.kinds.image import DESCRIPTION_FILE
from builder.steps.kinds.legal import PACKAGE_FILE
from builder.steps.kinds.oci import IMAGE, LAYER
from builder.steps.kinds.rootfs import CUSTOMIZED, ROOTFS
from builder.steps.kinds.rootfs import OUTPUT as ROOTFS_FILE
from builder.steps.step import Step
from builder.store.record import NodeKind

_BLOCK_MAP = ".bmap"


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeFile:
    """A file to publish as `name`: where it lies, what it is, and what it was made for and by."""

    name: str
    source: Path
    digest: Digest
    size_bytes: int
    executable: bool
    role: Role
    target: Target


@dataclass(frozen=True, kw_only=True)
class Made:
    """Everything that `workspace`'s recipe makes, in the store, with the steps behind each target."""

    workspace: Workspace
    targets: Sequence[Target]
    result: BuildResult
    legal: LegalPlan
    shipped: dict[str, Shipped] = field(repr=False)

    @cached_property
    def files(self) -> Sequence[MadeFile]:
        """All files to publish; `BuilderError` where two of them would have one name."""
        files = [file for target in self.targets for file in self._files(target)]
        names = [file.name for file in files]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise BuilderError(f"two artifacts of the recipe are called {twice[0]}")
        return files

    def behind(self, target: Target) -> Shipped:
        """The steps behind what `target` makes."""
        return self.shipped[target.step.id]

    def output(self, step: Step[Any]) -> Path:
        """What a step made that the release asks for: targets, root file systems, programs, layers, legal ones."""
        return self.result.output(step)

    def described(self, pin: PinnedFile) -> dict[str, str]:
        """What the package of `pin` says of itself: `source`, `source_version`, `copyright_of`, ...; empty for a source."""
        step = self.legal.packages.get(pin.sha256)
        return dict(json.loads((self.output(step) / PACKAGE_FILE).read_bytes())) if step else {}

    def rootfs(self, target: Target) -> Path | None:
        """The archive of the root file system in an artifact."""
        found = next(self.behind(target).of_kind(ROOTFS, CUSTOMIZED), None)
        return self.output(found) / ROOTFS_FILE if found and target.output in (Output.IMAGE, Output.ROOTFS) else None

    def uncompressed_bytes(self, file: MadeFile) -> int | None:
        """What an image takes on a disk."""
        if file.role is not Role.IMAGE:
            return None
        told = json.loads((file.source.parent / DESCRIPTION_FILE).read_bytes())
        return int(told["size_bytes"])

    def _files(self, target: Target) -> Iterator[MadeFile]:
        entry = self.result.entry(target.step)
        for node in entry.file.nodes:
            role = _role(target.output, node.path)
            if node.kind is NodeKind.FILE and node.digest is not None and role:
                yield MadeFile(
                    name=_published(target, node.path),
                    source=entry.output / node.path,
                    digest=node.digest,
                    size_bytes=node.size_bytes,
                    executable=node.executable,
                    role=role,
                    target=target,
                )


def make_all(session: Session, workspace: Workspace, wanted: Wanted, out: Path) -> Made:
    """Make what is `wanted` below `out`, as `builder make` does, and what the release asks for beside it."""
    make_artifacts(session, workspace, wanted, out)
    targets = targets_of(workspace, wanted)
    shipped = {target.step.id: Shipped.behind(target.step) for target in targets}
    legal = LegalPlan.of(list(shipped.values()))
    steps = {step.key: step for step in (*(target.step for target in targets), *legal.steps)}
    for one in shipped.values():
        steps |= {step.key: step for step in (*one.programs, *one.of_kind(ROOTFS, CUSTOMIZED, LAYER, IMAGE))}
    result = session.build(list(steps.values()))
    return Made(workspace=workspace, targets=targets, result=result, legal=legal, shipped=shipped)


def _role(output: Output, path: str) -> Role | None:
    """What a file of a step's output is for; None where nobody downloads it: descriptions, bills of single images."""
    if output is Output.IMAGE:
        return Role.BLOCK_MAP if path.endswith(_BLOCK_MAP) else None if path == DESCRIPTION_FILE else Role.IMAGE
    if output is Output.UPDATE:
        return None
    if output is Output.BUNDLE:
        return None if path.endswith(".json") else Role.BUNDLE
    if output is Output.ROOTFS:
        return Role.ROOTFS if path == ROOTFS_FILE else None
    return Role.EXECUTABLE


def _published(target: Target, path: str) -> str:
    """All files of a release lie beside each other: names that are the same for every architecture get it."""
    if target.output is Output.ROOTFS:
        return f"rootfs-{target.arch}.tar"
    return f"{path}-{target.arch}" if target.output is Output.EXECUTABLE else path

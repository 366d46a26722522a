"""The bill of materials of a release: every artifact, and all that it was made of."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from builder.app.release.made import Made, MadeFile
from builder.core.arch import Arch
from builder.core.digest import Digest
from builder.debian.mirrors import MAIN_ARCHIVE, SECURITY_ARCHIVE
from builder.debian.pins import PinnedFile
from builder.formats.goinfo import read_go_info
from builder.oci.bills import read_images
from builder.oci.image import read_sources
from builder.oci.parts import whole_path
from builder.plan.compose import Target
from builder.plan.shipped import PROGRAMS, SOURCE
from builder.release.record import Role
from builder.sbom.component import Component, Kind, Origin, c_program, go_program, pinned_package, wheel
from builder.sbom.cyclonedx import Subject
from builder.steps.kinds.go import GO_MODULES, PINS
from builder.steps.kinds.oci import LAYER
from builder.steps.kinds.rootfs import PACKAGE_CONTENT
from builder.steps.step import Step
from builder.store.record import NodeKind

_KINDS = {Role.EXECUTABLE: Kind.PROGRAM, Role.BUNDLE: Kind.BUNDLE, Role.IMAGE: Kind.DISK, Role.ROOTFS: Kind.DISK}
# Go's own: the module in the bill stands for them.
_GO_SOURCES = (".go", "go.mod", "go.sum", ".s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Biller:
    """Makes the components of what was `made`; `root` is the checkout, whose paths are shown relative to it."""

    made: Made
    root: Path
    _programs: dict[Digest, Component] = field(default_factory=dict)

    def subject(self, version: str) -> Subject:
        """What the bill is about."""
        name, epoch_s = self.made.workspace.inputs.recipe.name, self.made.workspace.lock.epoch_s
        return Subject(
            name=name,
            version=version,
            purl=f"pkg:generic/{name}@{version}",
            created=datetime.fromtimestamp(epoch_s, UTC),
            kind=Kind.RELEASE,
        )

    def artifacts(self) -> list[Component]:
        """A component for each file that devices get, with its parts."""
        return [self._artifact(file) for file in self.made.files if file.role in _KINDS]

    def programs(self, target: Target) -> Iterator[Component]:
        """The programs in what `target` makes."""
        return (self._program(step) for step in self.made.behind(target).programs)

    def _artifact(self, file: MadeFile) -> Component:
        parts = {part.identity: part for part in self._parts(file)}
        return Component(kind=_KINDS[file.role], name=file.name, digest=file.digest, parts=tuple(parts.values()))

    def _parts(self, file: MadeFile) -> Iterator[Component]:
        behind = self.made.behind(file.target)
        yield from self.recipes()
        for step in behind.steps:
            yield from self._of_step(step)
        for pin, _ in behind.pins:
            origin = self._origin(pin, file.target.arch)
            yield pinned_package(pin.name, pin.version, pin.architecture, Digest(pin.sha256), origin)
        for tool in behind.wheels:
            yield wheel(tool.name, tool.version, tool.digest)
        if file.role is Role.BUNDLE and whole_path(file.source).name == file.name:
            yield from self._images(file)

    def _origin(self, pin: PinnedFile, arch: Arch) -> Origin:
        """Of Debian's own archives alone: others follow no release of Debian's."""
        debian, told = self.made.workspace.lock.debian, self.made.described(pin)
        release = ""
        if debian and pin.archive in (MAIN_ARCHIVE, SECURITY_ARCHIVE):
            release = debian.source_suite if pin.architecture == SOURCE else debian.suites[arch][0]
        return Origin(
            release=release, source=told.get("source", ""), source_version=told.get("source_version", pin.version)
        )

    def _of_step(self, step: Step[Any]) -> Iterator[Component]:
        if step.kind in PROGRAMS:
            yield self._program(step)
        elif step.kind not in (GO_MODULES, PACKAGE_CONTENT):
            for name, source in step.sources.items():
                if name not in PINS:
                    yield Component(kind=Kind.SOURCE, name=name, digest=Digest(source.digest))

    def _program(self, step: Step[Any]) -> Component:
        """What the linker wrote into a program of Go; of others, the C files that it was made of."""
        if step.key not in self._programs:
            (node,) = (one for one in self.made.result.entry(step).file.nodes if one.kind is NodeKind.FILE)
            path = self.made.output(step) / node.path
            info, digest = read_go_info(path), node.digest or Digest.of_file(path)
            sources = {} if info else {name: Digest(source.digest) for name, source in step.sources.items()}
            self._programs[step.key] = (
                go_program(node.path, digest, info) if info else c_program(node.path, digest, sources)
            )
        return self._programs[step.key]

    def _images(self, file: MadeFile) -> Iterator[Component]:
        layers = self.made.behind(file.target).of_kind(LAYER)
        sources = read_sources(self.made.output(step) for step in layers)
        for reference, subject, components in read_images(file.source, sources):
            yield Component(
                kind=Kind.IMAGE,
                name=reference,
                version=subject.version,
                purl=subject.purl,
                digest=subject.digest,
                parts=tuple(components),
            )

    def recipes(self) -> Iterator[Component]:
        """The files of the recipe and its lock."""
        workspace = self.made.workspace
        for path in (*workspace.loaded.files, workspace.lock_file):
            name = shown(path, self.root)
            yield Component(kind=Kind.RECIPE, name=name, digest=Digest.of_file(path))


def shown(path: Path, root: Path) -> str:
    """`path` without what only this machine knows: relative to the checkout, or the name alone."""
    return str(path.relative_to(root)) if path.is_relative_to(root) else path.name

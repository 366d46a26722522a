"""From store entries to the output directory: the files, their manifest, their checksums."""

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from builder.app.manifest import (
    EXECUTOR_VARIABLE,
    LOCAL,
    Manifest,
    ManifestArtifact,
    ManifestContent,
    ManifestInputs,
    ManifestModule,
    ManifestStep,
    ManifestTime,
    ManifestTool,
    checksums,
)
from builder.app.session import Session
from builder.app.stamp import Written
from builder.app.workspace import Workspace
from builder.audit.rules import Check, Rules
from builder.core.arch import Arch
from builder.core.digest import Digest
from builder.core.events import ArtifactWritten, Warned
from builder.core.output import Output
from builder.exec.result import BuildResult
from builder.gobuild.modules import parse_go_sum
from builder.image.formats import image_file
from builder.io.outdir import Artifact, OutputDirectory, open_output
from builder.plan.compose import Target
from builder.plan.image import image_name
from builder.plan.images import bundle_name
from builder.recipe.resolve import resolve, to_json
from builder.steps.kinds.image import DESCRIPTION_FILE, UPDATE_SUFFIXES
from builder.steps.kinds.rootfs import CHANGES
from builder.steps.kinds.rootfs import OUTPUT as ROOTFS_FILE
from builder.steps.step import Step, reached
from builder.store.entry import Entry
from builder.store.record import NodeKind
from builder.version import VERSION

MANIFEST = "manifest.json"
CHECKSUMS = "SHA256SUMS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifacts:
    """Writes the artifacts of a workspace below `out`, which is kept for this builder while it writes."""

    session: Session
    workspace: Workspace
    out: Path

    def check(self, targets: Sequence[Target]) -> None:
        """Raise before anything is built where the output directory is there and could not be written."""
        if not self.out.exists():
            return
        with self._open() as directory:
            for target in targets:
                for name in (*self._names(target), CHECKSUMS, MANIFEST):
                    path = target.place / name
                    # Of no size and with nobody's content: only the place matters.
                    nothing = Artifact(path=path, source=Path(), digest=Digest.of_bytes(b""), size_bytes=0)
                    directory.check([nothing])

    def write(self, targets: Sequence[Target], result: BuildResult) -> list[Written]:
        """Write the files, `manifest.json` and `SHA256SUMS` of every target, and name them; unchanged files are left alone."""
        with self._open() as directory:
            files = {target.step.id: self._files(target, result.entry(target.step)) for target in targets}
            directory.check(artifact for artifacts in files.values() for artifact in artifacts)
            return [one for target in targets for one in self._write_target(directory, target, files[target.step.id])]

    def _open(self) -> AbstractContextManager[OutputDirectory]:
        state = self.session.project.cache / "out"
        return open_output(self.out, state=state, cancel=self.session.cancel, on_wait=self._tell_waiting)

    def _write_target(self, directory: OutputDirectory, target: Target, files: Sequence[Artifact]) -> Iterator[Written]:
        for artifact in files:
            changed = directory.write_file(artifact)
            yield self._tell(artifact.path, artifact.digest, artifact.size_bytes, changed=changed)
        manifest = self._manifest(target, files)
        place = target.place
        for name, data in ((CHECKSUMS, checksums(manifest.artifacts)), (MANIFEST, manifest.to_bytes())):
            changed = directory.write_bytes(place / name, data)
            yield self._tell(place / name, Digest.of_bytes(data), len(data), changed=changed)

    def _names(self, target: Target) -> tuple[str, ...]:
        """The files that a target will have, as far as they are known before it is built."""
        inputs = self.workspace.inputs
        names = {
            Output.EXECUTABLE: (inputs.recipe.cluster.name,),
            Output.ROOTFS: (ROOTFS_FILE, CHANGES),
            Output.BUNDLE: (bundle_name(inputs, target.arch),),
            Output.IMAGE: self._image_names(target),
            Output.UPDATE: tuple(f"{image_name(inputs, target.board)}{suffix}" for suffix in UPDATE_SUFFIXES),
        }
        return names[target.output]

    def _image_names(self, target: Target) -> tuple[str, ...]:
        name = image_name(self.workspace.inputs, target.board)
        return (*self._image_files(target), f"{name}.img.bmap", DESCRIPTION_FILE)

    def _image_files(self, target: Target) -> tuple[str, ...]:
        """The forms of the image that `target` is; none where it is something else."""
        section, name = self.workspace.inputs.recipe.image, image_name(self.workspace.inputs, target.board)
        return tuple(image_file(name, one) for one in section.formats) if section and target.board else ()

    def _files(self, target: Target, entry: Entry) -> list[Artifact]:
        return [
            Artifact(
                path=target.place / node.path,
                source=entry.output / node.path,
                digest=node.digest,
                size_bytes=node.size_bytes,
                executable=node.executable,
            )
            for node in entry.file.nodes
            if node.kind is NodeKind.FILE and node.digest is not None
        ]

    def _manifest(self, target: Target, files: Sequence[Artifact]) -> Manifest:
        steps, content = reached(target.step), _image_content(files)
        records = self.session.store.lookup([step.key for step in steps])
        return Manifest(
            builder=VERSION,
            name=self.workspace.inputs.recipe.name,
            arch=target.arch,
            artifacts=tuple(
                ManifestArtifact(
                    path=str(file.path.relative_to(target.place)),
                    digest=file.digest,
                    size_bytes=file.size_bytes,
                    step=target.step.id,
                    uncompressed=content if file.path.name in self._image_files(target) else None,
                    checked=_audited(file, target.arch) if target.output is Output.EXECUTABLE else (),
                )
                for file in files
            ),
            inputs=self._inputs(),
            steps=tuple(_step(step) for step in steps),
            executor=self.session.project.environment.get(EXECUTOR_VARIABLE) or LOCAL,
            times={
                step.id: ManifestTime(
                    created=datetime.fromtimestamp(records[step.key].created_s, UTC).isoformat(timespec="seconds"),
                    duration_s=round(records[step.key].duration_s, 3),
                    peak_memory_bytes=records[step.key].peak_memory_bytes,
                )
                for step in steps
                if step.key in records
            },
        )

    def _inputs(self) -> ManifestInputs:
        inputs, lock = self.workspace.inputs, self.workspace.lock
        tools = {"go": ManifestTool(version=lock.go.version, digest=lock.go.sums[inputs.host])}
        for name, wheel in lock.wheels.items():
            tools[name] = ManifestTool(version=wheel.version, digest=wheel.digests[inputs.host])
        return ManifestInputs(
            recipe=to_json(resolve(self.workspace.loaded)),
            epoch_s=lock.epoch_s,
            sources={name: source.digest for name, source in inputs.module.items()},
            modules=self._modules(),
            tools=tools,
        )

    def _modules(self) -> tuple[ManifestModule, ...]:
        go_sum = self.workspace.inputs.module.get("go.sum")
        return tuple(
            ManifestModule(path=one.path, version=one.version, h1=one.h1)
            for one in (parse_go_sum(go_sum.path.read_text()) if go_sum else ())
            if not one.go_mod_only
        )

    def _tell(self, path: PurePosixPath, digest: Digest, size_bytes: int, *, changed: bool) -> Written:
        self.session.sink(
            ArtifactWritten(path=str(self.out / path), digest=digest, size_bytes=size_bytes, changed=changed)
        )
        return Written(path=str(path), digest=digest, size_bytes=size_bytes)

    def _tell_waiting(self) -> None:
        self.session.sink(Warned(message=f"another builder writes to {self.out}; waiting for it"))


def _image_content(files: Sequence[Artifact]) -> ManifestContent | None:
    """What the images among `files` hold, as the step that made them says beside them."""
    described = next((file.source for file in files if file.path.name == DESCRIPTION_FILE), None)
    if described is None:
        return None
    told = json.loads(described.read_bytes())
    return ManifestContent(digest=told["digest"], size_bytes=told["size_bytes"])


def _audited(artifact: Artifact, arch: Arch) -> tuple[Check, ...]:
    """What an audit of `artifact` as it lies in the store looks at; `VerificationError` where it finds something."""
    from builder.audit.executable import audit_executable, require_sound  # noqa: PLC0415 - other outputs have no use for it

    audit = audit_executable(artifact.source, Rules(arch=arch), name=artifact.path.name)
    require_sound([audit])
    return audit.checked


def _step(step: Step[Any]) -> ManifestStep:
    needs = {role: needed.id for role, needed in step.needs.items()}
    return ManifestStep(id=step.id, kind=step.facts["kind"], key=step.key, needs=needs)

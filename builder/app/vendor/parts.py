"""What a build fetches, in parts: the step that brings each, where its files lie, and how they are compared with the lock."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

from builder.core.digest import Digest, Json
from builder.debian.kept import kept_place
from builder.debian.mirrors import shown
from builder.debian.pins import PinnedFile
from builder.gobuild.modules import parse_go_sum
from builder.gobuild.sums import archive_sum, go_mod_sum
from builder.oci.documents import blob_path
from builder.oci.reference import Reference
from builder.oci.registry.addresses import address_of
from builder.plan.toolchains import FETCH
from builder.steps.kinds.debian import ARCHIVE_FILES, ArchiveInput
from builder.steps.kinds.go import GO_MODULES, PINS
from builder.steps.kinds.imported import ImportInput
from builder.steps.kinds.pulled import BlobInput
from builder.steps.kinds.toolchain import GO_TOOLCHAIN, WHEEL
from builder.steps.kinds.vendored import GO_RELEASE_FILES, WHEEL_FILE
from builder.steps.step import Step
from builder.toolchain.go import GoRelease
from builder.toolchain.wheels import Wheel

# Directories of what is held: archives by their names, a module proxy, wheels, and files by their addresses.
DEBIAN, GO, WHEELS, FILES = "debian", "go", "wheels", "files"
_SERVED = (".zip", ".mod", ".info")

# Whether the file (its name in the part, its path, its digest) is what the lock pins.
Judge: TypeAlias = Callable[[str, Path, Digest], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Files that come together: `step` brings them, and they lie in `directory`.

    `key` says what they are by their pins alone: it outlasts changes of how they are fetched. `names` maps files of the
    step's output to what they are called in `directory`; empty, it is all of them under their own names. `required` are
    those that must be there; `judge` compares one with the lock.
    """

    what: str
    key: Digest
    step: Step[Any]
    directory: PurePosixPath
    judge: Judge
    names: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()

    def brought(self, output: Path) -> dict[str, Path]:
        """The files in the `output` of the step by their names in `directory`."""
        if self.names:
            return {name: output / source for source, name in self.names.items()}
        return {str(path.relative_to(output)): path for path in sorted(output.rglob("*")) if path.is_file()}


def parts_of(step: Step[Any]) -> list[Part]:
    """The parts that `step` of a build fetches by itself; none where it works with what other steps fetched."""
    wanted = step.input
    if step.kind is ARCHIVE_FILES and isinstance(wanted, ArchiveInput):
        return [_pinned_file(pin, step) for pin in wanted.pins]
    if step.kind is WHEEL and isinstance(wanted, Wheel):
        return [_wheel(wanted)]
    if step.kind is GO_TOOLCHAIN and isinstance(wanted, GoRelease):
        return [_release(wanted, step)]
    if step.kind is GO_MODULES:
        return [_modules(step)]
    if isinstance(wanted, ImportInput) and wanted.url:
        return [_executable(wanted, step)]
    return [_blob(wanted, step)] if isinstance(wanted, BlobInput) else []


def wheels_part(what: str, step: Step[Any], pins: Json, pinned: frozenset[str]) -> Part:
    """Wheels, whatever they are called, with digests among `pinned`; `pins` is what they are known by."""
    return Part(
        what=what,
        key=Digest.of_json(["wheels", pins]),
        step=step,
        directory=PurePosixPath(WHEELS),
        judge=lambda _name, _path, digest: digest in pinned,
    )


def _pinned_file(pin: PinnedFile, step: Step[Any]) -> Part:
    return Part(
        what=str(pin),
        key=Digest.of_json(["archive", pin.archive, pin.path, pin.sha256]),
        step=step,
        directory=PurePosixPath(DEBIAN, pin.archive, pin.path).parent,
        names={pin.file_name: pin.file_name},
        required=(pin.file_name,),
        judge=partial(_has_digest, pin.sha256),
    )


def _wheel(wheel: Wheel) -> Part:
    step = Step(id=f"vendor/{wheel.host}/{wheel.name}", kind=WHEEL_FILE, input=wheel, resources=FETCH)
    return wheels_part(str(wheel), step, [wheel.digest], frozenset({wheel.digest}))


def _release(release: GoRelease, build: Step[GoRelease]) -> Part:
    stem = release.proxy_stem
    return Part(
        what=f"Go {release.version} for {release.host}",
        key=Digest.of_json(["go-release", release.module, release.h1]),
        step=Step(
            id=f"vendor/{release.host}/go",
            kind=GO_RELEASE_FILES,
            input=release,
            needs=build.needs,
            resources=FETCH,
        ),
        directory=PurePosixPath(GO),
        required=tuple(f"{stem}{suffix}" for suffix in _SERVED),
        judge=partial(_has_sum, {f"{stem}.zip": release.h1}),
    )


def _modules(step: Step[Any]) -> Part:
    sources = {name: step.sources[name] for name in PINS}
    lines = parse_go_sum(sources["go.sum"].path.read_text())
    archives = [line for line in lines if not line.go_mod_only]
    sums = {f"{line.proxy_stem}{'.mod' if line.go_mod_only else '.zip'}": line.h1 for line in lines}
    return Part(
        what=f"{len(archives)} Go modules of {sources['go.sum'].path.name}",
        key=Digest.of_json(["go-modules", *(source.digest for source in sources.values())]),
        step=step,
        directory=PurePosixPath(GO),
        required=tuple(f"{line.proxy_stem}{suffix}" for line in archives for suffix in _SERVED),
        judge=partial(_has_sum, sums),
    )


def _executable(wanted: ImportInput, step: Step[Any]) -> Part:
    place = PurePosixPath(FILES, kept_place(wanted.url))
    return Part(
        what=shown(wanted.url),
        key=Digest.of_json(["file", str(place), wanted.digest]),
        step=step,
        directory=place.parent,
        names={wanted.name: place.name},
        required=(place.name,),
        judge=partial(_has_digest, wanted.digest),
    )


def _blob(wanted: BlobInput, step: Step[Any]) -> Part:
    what = f"{'manifests' if wanted.is_manifest else 'blobs'}/{wanted.digest}"
    place = PurePosixPath(FILES, kept_place(address_of(Reference.parse(wanted.reference), what)))
    return Part(
        what=f"{wanted.reference} ({wanted.digest})",
        key=Digest.of_json(["blob", str(place)]),
        step=step,
        directory=place.parent,
        names={blob_path(wanted.digest): place.name},
        required=(place.name,),
        judge=partial(_has_digest, wanted.digest),
    )


def _has_digest(pinned: str, _name: str, _path: Path, digest: Digest) -> bool:
    return digest == pinned


def _has_sum(sums: Mapping[str, str], name: str, path: Path, _: Digest) -> bool:
    """go.sum has no sums of `.info` files, which only repeat the version."""
    if name.endswith(".info"):
        return _names_version(path)
    pinned = sums.get(name)
    found = archive_sum(path) if name.endswith(".zip") else go_mod_sum(path)
    return pinned is None or found == pinned


def _names_version(info: Path) -> bool:
    try:
        answer = json.loads(info.read_bytes())
    except ValueError:
        return False
    return isinstance(answer, dict) and isinstance(answer.get("Version"), str)

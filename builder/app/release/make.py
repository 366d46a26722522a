"""Makes a release: everything that is published together, in one directory that is complete or absent."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from builder.app.release.bill import Biller, shown
from builder.app.release.earlier import last_release, read_release
from builder.app.release.inside import contents_of
from builder.app.release.legal import Legal
from builder.app.release.made import Made, MadeFile, make_all
from builder.app.release.materials import materials_of
from builder.app.session import Session
from builder.app.wanted import Wanted
from builder.app.workspace import Workspace
from builder.core.arch import Arch
from builder.core.digest import Digest
from builder.core.errors import BuilderError, RecipeError, VerificationError
from builder.core.events import ArtifactWritten
from builder.io.files import atomic_write, copy_file, remove_tree, sync_directory
from builder.io.space import check_space
from builder.release.artifact import DIRECTORY, ReleaseArtifact
from builder.release.changes import changes_markdown
from builder.release.check import SIGNATURE
from builder.release.checksums import CHECKSUMS, checksums_bytes
from builder.release.compare import Comparison, Described, compare
from builder.release.page import page_html
from builder.release.provenance import Build, provenance_bytes
from builder.release.record import CONTENTS_SUFFIX, RECORD, Contents, Release, ReleasedFile, Role, require_version
from builder.trust.minisign import SecretKey
from builder.version import VERSION

_RELEASES = "releases"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to release as `version`: what is `wanted`, below `out`; `since` is the release that changes are told since.

    Without a `key` nothing is signed. `overrides` are the user's, as provenance tells them.
    """

    version: str
    wanted: Wanted
    out: Path
    since: Path | None = None
    key: SecretKey | None = None
    overrides: Sequence[str] = ()


def make_release(session: Session, workspace: Workspace, request: Request) -> Path:
    """Build what is asked for, and write the release; the directory that has it.

    `BuilderError` where another release of that version is there: what was published does not change.
    """
    require_version(request.version)
    releases = request.out / workspace.inputs.recipe.name / _RELEASES
    target = releases / request.version
    since = request.since or last_release(releases, request.version)
    earlier = read_release(since) if since else None
    made = make_all(session, workspace, request.wanted, request.out)
    try:
        releases.mkdir(parents=True, exist_ok=True)
        check_space(releases, sum(one.size_bytes for one in made.files), what="the release")
        place = releases / f".{request.version}.{secrets.token_hex(4)}.tmp"
        place.mkdir()
        try:
            _Writer(session=session, made=made, request=request, place=place, earlier=earlier).write()
            _publish(place, target)
        finally:
            remove_tree(place)
    except OSError as error:
        raise BuilderError(f"{error.filename or releases}: {error.strerror}") from None
    for path in sorted(one for one in target.iterdir() if one.is_file()):
        digest, size_bytes = Digest.of_file(path), path.stat().st_size
        session.sink(ArtifactWritten(path=str(path), digest=digest, size_bytes=size_bytes, changed=True))
    return target


def _publish(place: Path, target: Path) -> None:
    """Give the complete directory its name; the same release made again is left alone."""
    if target.is_symlink() or target.exists():
        sums = [
            (one / name).read_bytes() if (one / name).is_file() else b""
            for one in (place, target)
            for name in (CHECKSUMS, SIGNATURE)
        ]
        if sums[:2] != sums[2:]:
            raise RecipeError(
                f"{target} is there, and is another release",
                hint="what was published keeps its version: choose another one, or remove that directory if nobody has it",
            )
        return
    sync_directory(place)
    place.rename(target)
    sync_directory(target.parent)


@dataclass(slots=True, kw_only=True)
class _Writer:
    """Writes the release into `place`; `released` is what has been written."""

    session: Session
    made: Made
    request: Request
    place: Path
    earlier: Described | None
    released: list[ReleasedFile] = field(default_factory=list)
    contents: dict[str, Contents] = field(default_factory=dict)

    def write(self) -> None:
        """Write all of it, the signature last."""
        workspace, biller = self.made.workspace, Biller(made=self.made, root=self.session.project.root)
        self._artifacts()
        self._contents(biller)
        for name, role, data in papers(self.made, biller, self.request):
            self._add(name, role, data)
        legal = Legal(made=self.made, biller=biller)
        self._add("licences.tar.zst", Role.LICENCES, legal.archive())
        self._add("sources.json", Role.SOURCES, legal.sources())
        record = self._record()
        comparisons = compare(self.earlier, Described(record=record, contents=self.contents)) if self.earlier else []
        self._add("CHANGES.md", Role.CHANGES, changes_markdown(record.title, record.previous, comparisons).encode())
        self._add("index.html", Role.PAGE, self._page(comparisons))
        self._put(RECORD, self._record().to_bytes())
        self._finish(workspace.lock.epoch_s)

    def _artifacts(self) -> None:
        for file in self.made.files:
            self.session.cancel.check()
            mode = 0o755 if file.executable else 0o644
            if copy_file(file.source, self.place / file.name, mode=mode) != file.digest:
                raise VerificationError(f"the stored result {file.source} is damaged", hint="run the command again")
            self.released.append(self._released(file))

    def _released(self, file: MadeFile) -> ReleasedFile:
        return ReleasedFile(
            path=file.name,
            role=file.role,
            sha256=file.digest,
            size_bytes=file.size_bytes,
            arch=file.target.arch,
            board=file.target.board,
            uncompressed_bytes=self.made.uncompressed_bytes(file),
        )

    def _contents(self, biller: Biller) -> None:
        """Of each target once: its forms contain the same."""
        described: set[str] = set()
        for file in self.made.files:
            if file.target.step.id not in described and file.role is not Role.BLOCK_MAP:
                described.add(file.target.step.id)
                self.contents[file.name] = contents_of(self.made, biller, file.target)
                name = f"{file.name}{CONTENTS_SUFFIX}"
                self._add(name, Role.CONTENTS, self.contents[file.name].to_bytes(), file.target.arch)

    def _record(self) -> Release:
        workspace = self.made.workspace
        return Release(
            name=workspace.inputs.recipe.name,
            version=self.request.version,
            previous=self.earlier.record.version if self.earlier else "",
            builder=VERSION,
            epoch_s=workspace.lock.epoch_s,
            files=tuple(sorted(self.released, key=lambda one: one.path)),
        )

    def _page(self, comparisons: Sequence[Comparison]) -> bytes:
        return page_html(self._record(), comparisons, signed=self.request.key is not None).encode()

    def _add(self, name: str, role: Role, data: bytes, arch: Arch | None = None) -> None:
        self._put(name, data)
        digest = Digest.of_bytes(data)
        self.released.append(ReleasedFile(path=name, role=role, sha256=digest, size_bytes=len(data), arch=arch))

    def _put(self, name: str, data: bytes) -> None:
        atomic_write(self.place / name, data)

    def _finish(self, epoch_s: int) -> None:
        """Checksums, their signature, and the layout of the whole as an artifact of registries."""
        found = {path.name: Digest.of_file(path) for path in sorted(self.place.iterdir())}
        sums = checksums_bytes(found)
        self._put(CHECKSUMS, sums)
        if key := self.request.key:
            self._put(SIGNATURE, str(key.sign([sums], self._record().title)).encode())
        files = {path.name: (Digest.of_file(path), path.stat().st_size) for path in sorted(self.place.iterdir())}
        write_layout(self.place, ReleaseArtifact(version=self.request.version, epoch_s=epoch_s, files=files))


def papers(made: Made, biller: Biller, request: Request) -> Iterator[tuple[str, Role, bytes]]:
    """What a release consists of and how it came about: name, role and content of the bills and the provenance."""
    from builder.sbom import cyclonedx, spdx  # noqa: PLC0415 - the libraries take a second to import

    subject, artifacts = biller.subject(request.version), biller.artifacts()
    yield f"sbom{cyclonedx.SUFFIX}", Role.SBOM, cyclonedx.cyclonedx_bytes(subject, artifacts)
    yield f"sbom{spdx.SUFFIX}", Role.SBOM, spdx.spdx_bytes(subject, artifacts)
    build = Build(
        parameters={
            "recipe": shown(made.workspace.loaded.files[0], biller.root),
            "version": request.version,
            "architectures": [str(one) for one in request.wanted.archs],
            "targets": [str(one) for one in request.wanted.outputs],
            "boards": list(request.wanted.boards),
            "overrides": list(request.overrides),
        },
        materials=materials_of(made, biller),
        builder_version=VERSION,
    )
    digests = {file.name: file.digest for file in made.files}
    yield "provenance.intoto.json", Role.PROVENANCE, provenance_bytes(digests, build)


def write_layout(place: Path, artifact: ReleaseArtifact) -> None:
    """Write the layout of `artifact` below the release at `place`."""
    for name, data in artifact.documents.items():
        path = place / DIRECTORY / name
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, data)
    for name, link in artifact.links.items():
        (place / DIRECTORY / name).symlink_to(link)

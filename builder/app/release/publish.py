"""Pushes releases to registries, and fetches them from there."""

import secrets
import time
from pathlib import Path

from builder.app.session import Session
from builder.core.digest import Digest
from builder.core.errors import BuilderError, RecipeError, VerificationError
from builder.io.files import remove_tree, sync_directory
from builder.io.spawn import Runner
from builder.oci.documents import MANIFEST, Blob
from builder.oci.reference import Reference
from builder.oci.registry.client import Registries, Work
from builder.release.artifact import EMPTY, EMPTY_BYTES, ReleaseArtifact, read_artifact
from builder.release.check import Checked, Question, require_whole
from builder.release.record import Role
from builder.trust.minisign import PublicKey


def push_release(session: Session, directory: Path, reference: Reference) -> Digest:
    """Push the release in `directory`, which must be whole, under `reference`; the digest of its manifest.

    What the registry has already is not sent again: a push that was interrupted goes on.
    """
    checked = require_whole(Question(directory=directory))
    files = {path.name: (Digest.of_file(path), path.stat().st_size) for path in directory.iterdir() if path.is_file()}
    record = checked.record
    artifact = ReleaseArtifact(version=record.version, epoch_s=record.epoch_s, files=files)
    manifest = artifact.manifest
    blob = Blob.of(MANIFEST, manifest)
    with session.bench("push") as (runner, _):
        pusher = session.network.registries.get().pusher(reference, _work(session, runner))
        pusher.push_bytes(Blob.of(EMPTY, EMPTY_BYTES), EMPTY_BYTES)
        for name, (digest, size_bytes) in sorted(files.items()):
            pusher.push_file(Blob(media_type="", digest=digest, size_bytes=size_bytes), directory / name)
        pusher.push_manifest(blob, manifest)
    return blob.digest


def pull_release(session: Session, reference: Reference, directory: Path, key: PublicKey | None) -> Checked:
    """Fetch the release `reference` into the new `directory`, and check it there; it appears complete or not at all."""
    if directory.is_symlink() or directory.exists():
        raise RecipeError(f"{directory} is there already", hint="name a directory that is to be made")
    place = directory.with_name(f".{directory.name}.{secrets.token_hex(4)}.tmp")
    try:
        place.mkdir(parents=True)
        with session.bench("pull") as (runner, scratch):
            _fetch(session.network.registries.get(), reference, place, scratch, _work(session, runner))
        checked = require_whole(Question(directory=place, key=key))
        for one in checked.record.files:
            if one.role is Role.EXECUTABLE:
                (place / one.path).chmod(0o755)
        sync_directory(place)
        place.rename(directory)
    except OSError as error:
        raise BuilderError(f"{error.filename or directory}: {error.strerror}") from None
    finally:
        remove_tree(place)
    return checked


def _fetch(registries: Registries, reference: Reference, place: Path, scratch: Path, work: Work) -> None:
    file = scratch / "manifest"
    registries.fetch_manifest(reference, file, work)
    try:
        files = read_artifact(file.read_bytes())
    except ValueError as error:
        raise VerificationError(f"{reference}: {error}") from None
    strange = [name for name in files if "/" in name or name in ("", ".", "..")]
    if strange:
        raise VerificationError(f"{reference}: a file of it is called {strange[0]!r}")
    for name, blob in files.items():
        registries.fetch_blob(reference, blob, place / name, work)


def _work(session: Session, runner: Runner) -> Work:
    def pause(seconds: float) -> None:
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0:
            session.cancel.check()
            time.sleep(min(left_s, 0.2))

    return Work(runner=runner, pause=pause, progress=lambda _: session.cancel.check())

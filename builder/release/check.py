"""Whether a release still is what was released: every file, told all at once, without a network."""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from builder.core.digest import Digest
from builder.core.errors import BuilderError, VerificationError
from builder.release.artifact import DIRECTORY, ReleaseArtifact
from builder.release.checksums import CHECKSUMS, read_checksums
from builder.release.provenance import statement_problems
from builder.release.record import ARTIFACTS, RECORD, Release, Role
from builder.trust.minisign import SUFFIX, PublicKey, Signature

SIGNATURE = f"{CHECKSUMS}{SUFFIX}"
_WHERE = "name the directory of a release, as 'builder release' makes it"
_HINT = "fetch the release again from who published it; do not install anything of this directory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A release that is in order, and how many files it has; `signed_by` is None where no key was given."""

    record: Release
    files: int
    signed_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Whether `directory` is a whole release: signed with `key` where there is one, of `version` where that is given."""

    directory: Path
    key: PublicKey | None = None
    version: str = ""


def require_whole(question: Question) -> Checked:
    """Raise `VerificationError` with everything that is wrong with the release."""
    directory = question.directory
    found = _Found.of(directory)
    if CHECKSUMS not in found.files:
        raise VerificationError(f"{directory} is no release: it has no {CHECKSUMS}", hint=_WHERE)
    sums_bytes = _read(directory, CHECKSUMS)
    problems, signed_by = _signature_problems(question, sums_bytes)
    try:
        listed = read_checksums(sums_bytes)
    except VerificationError as error:
        raise VerificationError(
            f"{directory} is not the release that it was", details=[*problems, *error.details], hint=_HINT
        ) from None
    problems += _differences(found, listed)
    record = _record(directory, problems)
    if record:
        problems += _record_problems(record, listed, question, found)
        problems += _artifact_problems(directory, record, found)
    if problems or record is None:
        raise VerificationError(f"{directory} is not the release that it was", details=problems, hint=_HINT)
    return Checked(record=record, files=len(listed), signed_by=signed_by)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """The regular files of a directory (digest, size in bytes), and what does not belong into a release."""

    files: Mapping[str, tuple[Digest, int]]
    strange: Sequence[str]

    @classmethod
    def of(cls, directory: Path) -> "_Found":
        files, strange = {}, []
        try:
            entries = sorted(os.scandir(directory), key=lambda one: one.name)
        except OSError as error:
            raise VerificationError(f"{directory}: {error.strerror}", hint=_WHERE) from None
        for entry in entries:
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(status.st_mode):
                files[entry.name] = (_digest(Path(entry.path)), status.st_size)
            elif not (entry.name == DIRECTORY and stat.S_ISDIR(status.st_mode)):
                strange.append(f"{entry.name}: it is no file")
        return cls(files=files, strange=strange)


def _differences(found: _Found, listed: Mapping[str, Digest]) -> list[str]:
    problems = list(found.strange)
    present = {name: digest for name, (digest, _) in found.files.items() if name not in (CHECKSUMS, SIGNATURE)}
    for name in sorted(listed.keys() | present.keys()):
        if name not in present:
            problems.append(f"{name}: it is missing")
        elif name not in listed:
            problems.append(f"{name}: it was added; it is no part of the release")
        elif present[name] != listed[name]:
            problems.append(
                f"{name}: it was changed, or is of another release: it is {present[name]}, not {listed[name]}"
            )
    return problems


def _signature_problems(question: Question, sums_bytes: bytes) -> tuple[list[str], str | None]:
    """What is wrong with the signature, and what it says that it is of; nothing is said where nobody asks."""
    if question.key is None:
        return [], None
    path = question.directory / SIGNATURE
    if path.is_symlink() or not path.is_file():
        return [f"{SIGNATURE}: it is missing: the release is not signed"], None
    try:
        signature = Signature.parse(_read(question.directory, SIGNATURE).decode(errors="replace"), where=SIGNATURE)
        question.key.verify([sums_bytes], signature, what=CHECKSUMS)
    except BuilderError as error:
        return [error.brief], None
    return [], signature.comment


def _record(directory: Path, problems: list[str]) -> Release | None:
    try:
        return Release.model_validate_json(_read(directory, RECORD))
    except VerificationError:
        return None  # that it is missing has been told
    except ValidationError as error:
        problems += [
            f"{RECORD}: {'.'.join(map(str, one['loc'])) or 'the file'}: {one['msg']}" for one in error.errors()
        ]
        return None


def _record_problems(record: Release, listed: Mapping[str, Digest], question: Question, found: _Found) -> Iterator[str]:
    """Where tables of the release contradict each other: each file alone is what it was, and not all are of one release."""
    told: dict[str, str] = {one.path: one.sha256 for one in record.files}
    known = {name: digest for name, digest in listed.items() if name != RECORD}
    yield from (
        f"{name}: {RECORD} has another {name} than {CHECKSUMS}: one of both is of another release"
        for name in sorted(told.keys() | known.keys())
        if told.get(name) != known.get(name)
    )
    if question.version and record.version != question.version:
        yield f"{RECORD}: this is {record.title}, not {question.version}"
    if question.key and (comment := _comment(question.directory)) != record.title:
        yield f"{SIGNATURE}: it is the signature of {comment!r}, and this is {record.title}"
    statement = next((one.path for one in record.files if one.role is Role.PROVENANCE), "")
    if statement in found.files:
        subjects = {one.path: Digest(one.sha256) for one in record.files if one.role in ARTIFACTS}
        data = _read(question.directory, statement)
        yield from (f"{statement}: {problem}" for problem in statement_problems(data, subjects))


def _comment(directory: Path) -> str:
    try:
        return Signature.parse(_read(directory, SIGNATURE).decode(errors="replace"), where=SIGNATURE).comment
    except VerificationError:
        return ""


def _artifact_problems(directory: Path, record: Release, found: _Found) -> Iterator[str]:
    """What differs from the layout that the files of the directory make."""
    artifact = ReleaseArtifact(version=record.version, epoch_s=record.epoch_s, files=found.files)
    place = directory / DIRECTORY
    present = {
        str(path.relative_to(place)): path for path in place.rglob("*") if path.is_symlink() or not path.is_dir()
    }
    if not present:
        return  # not everybody keeps it
    documents, links = artifact.documents, artifact.links
    for name in sorted(present.keys() | documents.keys() | links.keys()):
        path = present.get(name)
        if path is None:
            yield f"{DIRECTORY}/{name}: it is missing"
        elif name in links:
            if not path.is_symlink() or str(path.readlink()) != links[name]:
                yield f"{DIRECTORY}/{name}: it is no link to {links[name]}"
        elif name not in documents:
            yield f"{DIRECTORY}/{name}: it was added; it is no part of the release"
        elif path.is_symlink() or _read(place, name) != documents[name]:
            yield f"{DIRECTORY}/{name}: it was changed"


def _read(directory: Path, name: str) -> bytes:
    try:
        return (directory / name).read_bytes()
    except OSError as error:
        raise VerificationError(f"{directory / name}: {error.strerror}", hint=_WHERE) from None


def _digest(path: Path) -> Digest:
    try:
        return Digest.of_file(path)
    except OSError as error:
        raise VerificationError(f"{path}: {error.strerror}") from None

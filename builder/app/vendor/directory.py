"""The directory itself: files that ordinary clients understand, and `vendor.json`, which says what it holds."""

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from builder.app.vendor.parts import Part
from builder.core.digest import Digest
from builder.core.errors import BuilderError, RecipeError
from builder.io.files import atomic_write, copy_file, is_disk_full, remove_tree, sync_directory
from builder.io.locks import locked
from builder.io.space import check_space, explain_full_disk
from builder.recipe.lockfile import Sha256

MANIFEST = "vendor.json"
_LOCK, _INCOMING = ".lock", ".incoming"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HeldFile(_Model):
    """A file as it was when it was put there."""

    size_bytes: int = Field(ge=0)
    sha256: Sha256


class HeldPart(_Model):
    """A part: what it is, and the paths of its files below the directory."""

    what: str
    files: tuple[str, ...]


class HeldLock(_Model):
    """A lock that everything is there for: whose it is, and its digest."""

    recipe: str
    sha256: Sha256


class Manifest(_Model):
    """`vendor.json`: for which locks the directory was filled, all its files, and the parts that they belong to."""

    vendor: Literal[1] = 1
    locks: tuple[HeldLock, ...] = ()
    parts: dict[Sha256, HeldPart] = {}
    files: dict[str, HeldFile] = {}


@dataclass(slots=True, kw_only=True)
class Problems:
    """What is wrong with a directory: parts that must be fetched (again), and a line for each problem."""

    parts: list[Part] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class VendorDirectory:
    """The directory at `root`, which holds what `manifest` says."""

    root: Path
    manifest: Manifest

    def problems(self, parts: Iterable[Part], check: Callable[[], None], *, by_pins: bool = False) -> Problems:
        """What is missing of `parts`, or damaged; every file is read. `check` may raise to end the work.

        What is compared is the manifest, which takes half the time; with `by_pins` the lock too. Builds do that themselves.
        """
        found = Problems()
        digests: dict[str, Digest | None] = {}
        for part in parts:
            check()
            told = self._part_problems(part, digests, by_pins=by_pins)
            if told:
                found.parts.append(part)
                found.told += told
        return found

    def damaged(self, besides: Iterable[Part], check: Callable[[], None]) -> list[str]:
        """A line for each file of the manifest that is missing, or not what it was, and belongs to no part of `besides`."""
        looked_at = {place for part in besides for place in self._places(part)}
        told = []
        for place, file in self.manifest.files.items():
            if place in looked_at:
                continue
            check()
            found = _digest(self.root / place)
            if found != file.sha256:
                told.append(f"{place} is {'damaged' if found else 'missing'}")
        return told

    def _part_problems(self, part: Part, digests: dict[str, Digest | None], *, by_pins: bool) -> list[str]:
        if part.key not in self.manifest.parts:
            return [f"{part.what} is missing"]
        told = []
        for place in self._places(part):
            if place not in digests:
                digests[place] = _digest(self.root / place)
            digest, known = digests[place], self.manifest.files.get(place)
            name = os.path.relpath(place, part.directory)
            if digest is None:
                told.append(f"{part.what}: {place} is missing")
            elif known is None or digest != known.sha256:
                told.append(f"{part.what}: {place} is damaged")
            elif by_pins and not part.judge(name, self.root / place, digest):
                told.append(f"{part.what}: {place} is not what is pinned")
        return told

    def _places(self, part: Part) -> list[str]:
        """Where files of `part` lie, or should."""
        held = self.manifest.parts.get(part.key)
        required = {str(part.directory / name) for name in part.required}
        return sorted(required.union(held.files if held else ()))

    def put(self, brought: Sequence[tuple[Part, Path]], check: Callable[[], None]) -> None:
        """Take in parts, each with the output of its step; files that are there already stay as they are.

        `BuilderError` names all files that are not of the manifest and in the way; everything else is taken in.
        """
        foreign: list[str] = []
        with _writable(self.root):
            needed = {
                f"{part.directory / name}": path for part, out in brought for name, path in part.brought(out).items()
            }
            check_space(self.root, sum(self._missing_bytes(needed)), what="what is to be kept")
            for part, output in brought:
                check()
                files = {str(part.directory / name): path for name, path in part.brought(output).items()}
                refused = [place for place, path in files.items() if not self._put_file(place, path)]
                foreign += refused
                if not refused:
                    self._note(part, files)
        if foreign:
            raise BuilderError(
                f"{self.root} has files of others where files are to be kept",
                details=foreign,
                hint="move them away, or name another directory",
            )

    def note_lock(self, recipe: str, digest: Digest) -> None:
        """Remember that everything is there for the lock of `recipe`."""
        others = tuple(lock for lock in self.manifest.locks if lock.recipe != recipe)
        locks = tuple(sorted((*others, HeldLock(recipe=recipe, sha256=digest)), key=lambda lock: lock.recipe))
        self.manifest = self.manifest.model_copy(update={"locks": locks})

    def write_manifest(self) -> None:
        """Make `vendor.json` say what is held."""
        with _writable(self.root):
            _write(self.root, self.manifest)

    def _missing_bytes(self, files: Mapping[str, Path]) -> Iterator[int]:
        sizes = {place: path.stat().st_size for place, path in files.items()}
        return (size for place, size in sizes.items() if _size_bytes(self.root / place) != size)

    def _put_file(self, place: str, source: Path) -> bool:
        """Make `source` lie at `place`, all or nothing; False where a file of others lies there."""
        target = self.root / place
        wanted = Digest.of_file(source)
        if _digest(target) != wanted:
            if os.path.lexists(target) and place not in self.manifest.files:
                return False
            incoming = self.root / _INCOMING / target.name
            incoming.unlink(missing_ok=True)
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
            except (FileExistsError, NotADirectoryError):
                return False
            if copy_file(source, incoming) != wanted:
                raise BuilderError(f"{source} changed while it was copied", hint="run the same command again")
            with incoming.open("rb") as stream:
                os.fsync(stream.fileno())
            incoming.replace(target)
            sync_directory(target.parent)
        self.manifest.files[place] = HeldFile(size_bytes=source.stat().st_size, sha256=wanted)
        return True

    def _note(self, part: Part, files: Mapping[str, Path]) -> None:
        self.manifest.parts[part.key] = HeldPart(what=part.what, files=tuple(sorted(files)))


@contextmanager
def filling(root: Path) -> Iterator[VendorDirectory]:
    """The directory at `root`, made where it is missing, for the sole use of this block; what it holds is noted at the end.

    `RecipeError` where it is somebody else's: not empty, and without `vendor.json`.
    """
    _refuse_foreign(root)
    with _writable(root):
        root.mkdir(parents=True, exist_ok=True)
        if not (root / MANIFEST).exists():
            _write(root, Manifest())
        if not os.access(root, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    with locked(root / _LOCK):
        remove_tree(root / _INCOMING)
        (root / _INCOMING).mkdir()
        directory = open_directory(root)
        try:
            yield directory
        except BaseException:
            remove_tree(root / _INCOMING)
            with suppress(BuilderError):  # the first error says more
                directory.write_manifest()
            raise
        remove_tree(root / _INCOMING)
        directory.write_manifest()


def open_directory(root: Path) -> VendorDirectory:
    """The directory at `root`, to be looked at; `RecipeError` where it is none."""
    try:
        manifest = Manifest.model_validate_json((root / MANIFEST).read_bytes())
    except FileNotFoundError:
        hint = f"fill it first: {fill_command(root)}"
        raise RecipeError(f"{root} is no directory that 'builder vendor' has filled", hint=hint) from None
    except OSError as error:
        raise RecipeError(f"{root / MANIFEST} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        details = [f"{'.'.join(map(str, one['loc'])) or 'the file'}: {one['msg']}" for one in error.errors()]
        hint = f"remove it, and everything beside it, and fill the directory again: {fill_command(root)}"
        raise RecipeError(f"{root / MANIFEST} cannot be read", details=details, hint=hint) from None
    return VendorDirectory(root=root, manifest=manifest)


def fill_command(root: Path) -> str:
    """The command that fills the directory at `root`."""
    return f"builder vendor {quote(str(root))}"


@contextmanager
def _writable(root: Path) -> Iterator[None]:
    """Tell why the directory at `root` cannot be written, where that is so."""
    with explain_full_disk(root, what="it was filled"):
        try:
            yield
        except OSError as error:
            if is_disk_full(error):
                raise
            raise BuilderError(
                f"{root} cannot be written: {error.strerror}", hint="make it writable, or name another directory"
            ) from error


def _refuse_foreign(root: Path) -> None:
    try:
        # A manifest that was being written when the builder died is nobody's.
        names = sorted(path.name for path in root.iterdir() if not path.name.startswith(f".{MANIFEST}."))
    except FileNotFoundError:
        return
    except NotADirectoryError:
        if not root.exists():
            return
        raise RecipeError(f"{root} is no directory", hint="name one that is empty, or not there yet") from None
    if names and MANIFEST not in names:
        raise RecipeError(
            f"{root} holds something else",
            details=names[:5],
            hint="name a directory that is empty, not there yet, or filled by this command",
        )


def _write(root: Path, manifest: Manifest) -> None:
    """The same content makes the same file, in whatever order it came."""
    ordered = manifest.model_copy(
        update={"parts": dict(sorted(manifest.parts.items())), "files": dict(sorted(manifest.files.items()))}
    )
    atomic_write(root / MANIFEST, f"{ordered.model_dump_json(indent=1)}\n".encode())


def _digest(file: Path) -> Digest | None:
    try:
        return Digest.of_file(file)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def _size_bytes(file: Path) -> int | None:
    return file.stat().st_size if file.is_file() else None

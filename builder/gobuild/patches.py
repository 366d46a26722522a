"""Changes to Go modules that a recipe brings: verified, unpacked, patched, and put in the place of the original."""

import base64
import hashlib
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from builder.core.errors import BuilderError, RecipeError
from builder.formats.gomod import read_replacements, read_requirements
from builder.gobuild.command import Go
from builder.gobuild.diff import FileDiff, parse_diff, split_lines
from builder.gobuild.hunks import Misfit, apply_hunks
from builder.gobuild.modules import ModuleSum, parse_go_sum
from builder.trust.verify import verify_sum

# Below the root of the module that is built. It stands in the executable's build information, the same everywhere.
PATCHED_DIRECTORY = "patched"
_REBASE = "a patch fits one version of its module; if the version moved, make the patch again on top of the new one"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModulePatch:
    """The unified diff `file` for `module`, its paths relative to the module's root; people know the file as `shown`."""

    module: str
    file: Path
    shown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModulePatcher:
    """Patches modules out of the proxy directory `modules` (see `gobuild.modules`).

    `module_directory` holds the go.mod and go.sum that say which version of each belongs to the build.
    """

    go: Go
    module_directory: Path
    modules: Path

    def run(self, patches: Sequence[ModulePatch], output: Path) -> tuple[str, ...]:
        """Fill `output` with go.mod and the directory of every patched module; lines about hunks that fit elsewhere.

        Raises:
            RecipeError: patches that do not fit, all of them.
            VerificationError: a module is not what go.sum pins.
        """
        by_module: dict[str, list[ModulePatch]] = {}
        for patch in patches:
            by_module.setdefault(patch.module, []).append(patch)
        problems: list[str] = []
        notes: list[str] = []
        for module in sorted(by_module):
            try:
                notes += self._patch(module, by_module[module], output / PATCHED_DIRECTORY / module)
            except RecipeError as error:
                problems += [error.brief, *error.details]
        if problems:
            raise RecipeError("patches of Go modules do not fit", details=problems, hint=_REBASE)
        shutil.copyfile(self.module_directory / "go.mod", output / "go.mod")
        edits = [f"-replace={module}=./{PATCHED_DIRECTORY}/{module}" for module in sorted(by_module)]
        self.go.runner.run(self.go.command("mod", "edit", *edits, cwd=output))
        return tuple(notes)

    def archives(self, patches: Sequence[ModulePatch]) -> dict[str, Path]:
        """The archive of every module that `patches` change, by `path@version`."""
        pinned = [self._pinned(patch.module, [patch]) for patch in patches]
        return {str(one): self._archive(one) for one in pinned}

    def _archive(self, pinned: ModuleSum) -> Path:
        return self.modules / f"{pinned.proxy_stem}.zip"

    def _patch(self, module: str, patches: Sequence[ModulePatch], directory: Path) -> Iterable[str]:
        pinned = self._pinned(module, patches)
        unpack_module(self._archive(pinned), pinned, directory)
        if not (directory / "go.mod").exists():  # as the proxy serves it for modules from before there were any
            shutil.copyfile(self.modules / f"{pinned.proxy_stem}.mod", directory / "go.mod")
        changes = _Changes(directory=directory, module=str(pinned))
        for patch in patches:
            changes.add(patch)
        if changes.problems:
            raise RecipeError(changes.problems[0], details=changes.problems[1:])
        return changes.notes

    def _pinned(self, module: str, patches: Sequence[ModulePatch]) -> ModuleSum:
        """What is built for `module`, with its sum: the version of go.mod, or the module that replaces it."""
        go_mod = self.module_directory / "go.mod"
        path, version = module, read_requirements(go_mod).get(module, "")
        if version:
            path, version = read_replacements(go_mod).get(module, (path, version))
        sums = parse_go_sum((self.module_directory / "go.sum").read_text())
        for one in sums:
            if (one.path, one.version, one.go_mod_only) == (path, version, False):
                return one
        shown = ", ".join(patch.shown for patch in patches)
        if not version:
            raise RecipeError(f"{shown}: {module} is not part of the build: go.mod does not name it")
        raise RecipeError(f"{shown}: {path}@{version} is not part of the build: go.sum has no sum of its archive")


def apply_to_snapshot(patched: Path, module_directory: Path) -> None:
    """Make the snapshot `module_directory` build with `patched`, what `ModulePatcher.run` made of its go.mod.

    The modules are linked, not copied: the Go command knows files again by where they lie and when they changed.
    """
    shutil.copyfile(patched / "go.mod", module_directory / "go.mod")
    (module_directory / PATCHED_DIRECTORY).symlink_to(patched / PATCHED_DIRECTORY)


def unpack_module(archive: Path, pinned: ModuleSum, directory: Path) -> None:
    """Unpack a module's zip, without the leading `path@version/`, after comparing it with its sum."""
    prefix = f"{pinned}/"
    try:
        with zipfile.ZipFile(archive) as opened:
            verify_sum(_h1(opened), pinned.h1, what=f"module {pinned}")
            for name in sorted(opened.namelist()):
                relative = PurePosixPath(name.removeprefix(prefix))
                if not name.startswith(prefix) or ".." in relative.parts or relative.is_absolute():
                    raise BuilderError(f"module {pinned}: {name!r} in its archive is no file of the module")
                target = directory / relative
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(opened.read(name))
    except (OSError, zipfile.BadZipFile) as error:
        raise BuilderError(f"module {pinned} cannot be unpacked: {error}", hint="run 'builder cache verify'") from error


def _h1(archive: zipfile.ZipFile) -> str:
    """Go's sum of a module: SHA-256 of a list like that of sha256sum (golang.org/x/mod/sumdb/dirhash, Hash1)."""
    lines = (f"{hashlib.sha256(archive.read(name)).hexdigest()}  {name}\n" for name in sorted(archive.namelist()))
    return f"h1:{base64.b64encode(hashlib.sha256(''.join(lines).encode()).digest()).decode()}"


class _Changes:
    """Applies patches to the directory of one module, one on top of the other, and gathers what does not fit."""

    def __init__(self, *, directory: Path, module: str) -> None:
        self.problems: list[str] = []
        self.notes: list[str] = []
        self._directory = directory
        self._module = module

    def add(self, patch: ModulePatch) -> None:
        """Apply all of `patch` that fits."""
        try:
            text = patch.file.read_bytes().decode("utf-8", "surrogateescape")
            changes = parse_diff(text, patch.shown)
        except OSError as error:
            self.problems.append(f"{patch.shown} cannot be read: {error.strerror}")
        except RecipeError as error:
            self.problems.append(error.brief)
        else:
            for change in changes:
                self.problems += self._change(change, patch)

    def _change(self, change: FileDiff, patch: ModulePatch) -> Iterator[str]:
        target = self._directory / change.target
        place = f"{patch.shown}:{change.line}"
        if change.creates and target.exists():
            yield f"{place}: {change.target} is to be made, but {self._module} has it"
        elif not change.creates and not target.is_file():
            yield f"{place}: there is no {change.target} in {self._module}"
        else:
            yield from self._write(change, patch, target)

    def _write(self, change: FileDiff, patch: ModulePatch, target: Path) -> Iterator[str]:
        before = "" if change.creates else target.read_bytes().decode("utf-8", "surrogateescape")
        applied = apply_hunks(split_lines(before), change.hunks)
        for misfit in applied.misfits:
            yield from self._told(misfit, change, patch)
        for line, distance in applied.moved.items():
            self.notes.append(
                f"{patch.shown}:{line}: fits {change.target} {distance:+} lines away; make the patch anew"
            )
        if applied.misfits:
            return
        if not change.deletes:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes("".join(applied.lines).encode("utf-8", "surrogateescape"))
        elif applied.lines:
            yield f"{patch.shown}:{change.line}: {change.target} is to be removed, but has more lines than the patch"
        else:
            target.unlink()

    def _told(self, misfit: Misfit, change: FileDiff, patch: ModulePatch) -> Iterator[str]:
        yield f"{patch.shown}:{misfit.hunk.line}: does not fit {change.target}:{misfit.at} of {self._module}"
        yield from (f"  {line}" for line in misfit.shown)

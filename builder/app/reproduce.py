"""Building a second time from nothing, elsewhere and under other conditions, and comparing."""

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from builder.app.make import targets_of
from builder.app.session import Session
from builder.app.wanted import Wanted
from builder.app.workspace import Workspace
from builder.core.errors import RecipeError, VerificationError
from builder.formats.elf import sections
from builder.io.files import remove_tree
from builder.io.spawn import Command
from builder.plan.compose import Target
from builder.recipe.cluster import BuiltCluster
from builder.steps.step import reached

# What of the checkout a build reads, as far as it is there.
_CHECKOUT = ("builder", "cluster", "overlays", "recipes")
# Everything about the second build that must not matter. The directory's name has a space and letters beyond ASCII.
_ELSEWHERE = "another place, für später"
_CONDITIONS = {
    "HOME": "/nonexistent",
    "LANG": "tr_TR.UTF-8",
    "LC_ALL": "tr_TR.UTF-8",
    "LOGNAME": "somebody",
    "SOURCE_DATE_EPOCH": "1",
    "TZ": "Pacific/Kiritimati",
    "USER": "somebody",
}
_UMASK = "0077"
_CHUNK_BYTES = 1 << 20
_SHOWN_BYTES = 16


def check(session: Session, workspace: Workspace, wanted: Wanted, overrides: Sequence[str]) -> list[str]:
    """Build normally, then again from nothing; one line per equal file, `VerificationError` with the first difference.

    What was downloaded is not fetched again: it is the same by digest. Everything else is made anew, Go's build cache
    included, by a copy of the builder in a copy of the checkout.
    """
    cluster = workspace.inputs.recipe.cluster
    if not isinstance(cluster, BuiltCluster):
        raise RecipeError(
            "an imported executable cannot be built a second time",
            hint="leave --check-reproducible out: its digest is pinned",
        )
    targets = targets_of(workspace, wanted)
    first = session.build([target.step for target in targets])
    root = Path(mkdtemp(dir=session.project.cache, prefix="reproduce."))
    try:
        second = _Second(session=session, workspace=workspace, source=cluster.source, place=root / _ELSEWHERE)
        second.prepare(targets)
        second.build(wanted, overrides)
        return [second.compare(target, first.output(target.step)) for target in targets]
    finally:
        remove_tree(root)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Second:
    """The second build: its own checkout, cache and output below `place`."""

    session: Session
    workspace: Workspace
    source: Path
    place: Path

    def prepare(self, targets: Sequence[Target]) -> None:
        """Copy the checkout, and the entries that were downloaded."""
        root = self.session.project.root
        for name in (name for name in _CHECKOUT if (root / name).exists()):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(root / name, self.place / "checkout" / name, ignore=ignored, copy_function=shutil.copyfile)
        for step in (step for target in targets for step in reached(target.step)):
            if step.kind.downloads:
                self._seed(step.key.hex)

    def _seed(self, key: str) -> None:
        relative = Path("entries", key[:2], key)
        copy = self.place / "cache" / "store" / relative
        if not copy.exists():
            shutil.copytree(self.session.project.store / relative, copy)

    def build(self, wanted: Wanted, overrides: Sequence[str]) -> None:
        """Run the builder's copy."""
        options = [option for arch in wanted.archs for option in ("--arch", arch)]
        options += [option for output in wanted.outputs for option in ("--target", output)]
        options += [option for override in overrides for option in ("--set", override)]
        # Where the recipe names its source by a path out of the checkout, the copy of the recipe would miss it.
        options += ["--set", f"cluster.source={json.dumps(str(self._copied(self.source)))}"]
        recipe, lock = self._copied(self.workspace.loaded.files[0]), self._copied(self.workspace.lock_file)
        builder = [sys.executable, "-P", "-m", "builder", "make", str(recipe), "--lock", str(lock), "--offline"]
        command = Command(
            argv=["/bin/sh", "-c", f'umask {_UMASK} && exec "$@"', "sh", *builder, *options, "--out", str(self._out)],
            env={
                **_CONDITIONS,
                "BUILDER_CACHE": str(self.place / "cache"),
                "PYTHONPATH": str(self.place / "checkout"),
            },
            cwd=self.place,
        )
        with self.session.bench("second-build") as (runner, _):
            runner.run(command)

    def compare(self, target: Target, first: Path) -> str:
        """One line that says that the files of `target` are equal; `VerificationError` where they are not."""
        shown = target.place.relative_to(target.place.parts[0])
        files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
        for name in files:
            one, other = first / name, self._out / target.place / name
            difference = first_difference(one, other)
            if difference:
                raise VerificationError(
                    f"{shown}/{name} is not reproducible",
                    details=difference,
                    hint="something that is no input of the step reached its result: a path, a clock, an environment",
                )
        return f"{shown}: {', '.join(map(str, files))} built twice, identical"

    @property
    def _out(self) -> Path:
        return self.place / "out"

    def _copied(self, path: Path) -> Path:
        """Where the copy of a file of the checkout lies; files elsewhere are read where they are."""
        resolved = path.resolve()
        root = self.session.project.root
        if not any(resolved.is_relative_to(root / name) for name in _CHECKOUT):
            return resolved
        return self.place / "checkout" / resolved.relative_to(root)


def first_difference(one: Path, other: Path) -> list[str]:
    """Lines that describe the first difference between two files; none when they are equal."""
    if not other.exists():
        raise RecipeError(f"{other} was not made by the second build")
    offset = _first_offset(one, other)
    if offset is None:
        return []
    lines = [f"sizes: {one.stat().st_size} and {other.stat().st_size} bytes", f"first difference at byte {offset}"]
    section = next((it for it in sections(one) if it.start <= offset < it.start + it.size_bytes), None)
    if section:
        lines[-1] += f", in section {section.name} at byte {offset - section.start}"
    return [*lines, f"first build:  {_bytes_at(one, offset)}", f"second build: {_bytes_at(other, offset)}"]


def _first_offset(one: Path, other: Path) -> int | None:
    position = 0
    with one.open("rb") as left, other.open("rb") as right:
        while True:
            a, b = left.read(_CHUNK_BYTES), right.read(_CHUNK_BYTES)
            if a != b:
                pairs = enumerate(zip(a, b, strict=False))
                return position + next((index for index, (x, y) in pairs if x != y), min(len(a), len(b)))
            if not a:
                return None
            position += len(a)


def _bytes_at(path: Path, offset: int) -> str:
    with path.open("rb") as stream:
        stream.seek(offset)
        data = stream.read(_SHOWN_BYTES)
    text = "".join(chr(byte) if chr(byte).isascii() and chr(byte).isprintable() else "." for byte in data)
    return f"{data.hex(' ')}  {text}"

"""Builds with nothing to do: a stamp says what a finished one was made from, and that it is all still so is soon seen.

Finding out by a plan takes as long as importing everything that can plan; this module imports next to nothing.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from builder.app.invocation import Invocation
from builder.app.project import Project
from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.core.events import ArtifactWritten, BuildFinished, Event, PlanMade
from builder.io.files import atomic_write
from builder.io.outstate import OutputState, state_file
from builder.io.snapshot import Snapshot, take_snapshot
from builder.store.entry import check_entry
from builder.store.layout import Layout

_VERSION = 1
_KEPT = 64
# The coarsest times of file systems (FAT): what changed so shortly before a build began may as well have changed while it read.
_COARSEST_S = 2.0
# As often as the store notes that an entry was used.
_TOUCH_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file that a build wrote; `path` is relative to the output directory."""

    path: str
    digest: Digest
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A build that went well: the files and directories that it was made from (`places`), and all that is `written` to `out`.

    `steps` are the keys of all that is in the store for it, `targets` of those whose results were written.
    """

    places: Sequence[Path]
    out: Path
    written: Sequence[Written]
    steps: Sequence[Digest]
    targets: Sequence[Digest]


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """How the command line wants to be told what happens."""

    quiet: bool
    json_events: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """`finished`, when all of its places and the builder itself were `state`; `used_s` is when the store last heard of it."""

    finished: Finished
    telling: Telling
    state: Digest
    used_s: float

    def events(self, duration_s: float) -> Iterator[Event]:
        """What is told of a build that found nothing to do in `duration_s`."""
        steps = len(self.finished.steps)
        yield PlanMade(steps=steps, cached=steps, estimate_s=0)
        for file in self.finished.written:
            path = str(self.finished.out / file.path)
            yield ArtifactWritten(path=path, digest=file.digest, size_bytes=file.size_bytes, changed=False)
        yield BuildFinished(ok=True, duration_s=duration_s, built=0, cached=steps, failed=0, skipped=0)

    @classmethod
    def read(cls, path: Path) -> "Stamp | None":
        """The stamp in the file at `path`; one that cannot be read costs a plan, no more."""
        try:
            body = json.loads(path.read_bytes())
            if body["version"] != _VERSION:
                return None
            return cls(
                finished=_finished(body),
                telling=Telling(**body["telling"]),
                state=Digest(body["state"]),
                used_s=float(body["used_s"]),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError, BuilderError):
            return None

    def to_bytes(self) -> bytes:
        """The content of its file."""
        finished = self.finished
        body = {
            "version": _VERSION,
            "telling": asdict(self.telling),
            "places": [str(path) for path in finished.places],
            "out": str(finished.out),
            "written": [[one.path, one.digest, one.size_bytes] for one in finished.written],
            "steps": list(finished.steps),
            "targets": list(finished.targets),
            "state": self.state,
            "used_s": self.used_s,
        }
        return json.dumps(body, ensure_ascii=True).encode()


class Stamps:
    """The stamp of a command line among the caches of a project; losing it costs time alone.

    Paths in a command line are relative to this process' working directory. Made before the rest of the builder is imported,
    it knows whether the builder's code changes meanwhile.
    """

    def __init__(self, project: Project, invocation: Invocation) -> None:
        self._project = project
        self._directory = project.cache / "stamps"
        self._path = self._directory / f"{_key(invocation).hex}.json"
        self._now_s = invocation.begin_s
        self._code = _look_at_code()

    def current(self) -> Stamp | None:
        """The stamp of the last time that the command ended well, where nothing that counts has changed since."""
        stamp = Stamp.read(self._path)
        try:
            if stamp is None or not self._holds(stamp):
                return None
            self._note_use(stamp)
        except (OSError, BuilderError):  # whatever it is, a plan will tell it
            return None
        return stamp

    def keep(self, finished: Finished, telling: Telling) -> None:
        """Remember a build that has `finished`, unless a file changed so late that it may have been read before."""
        try:
            seen, code = take_snapshot(finished.places), _look_at_code()
        except OSError:
            return
        changed_s = max(seen.changed_ns, code.changed_ns) / 1e9
        if changed_s < self._now_s - _COARSEST_S and code.digest == self._code.digest:
            self._write(Stamp(finished=finished, telling=telling, state=self._state(seen), used_s=self._now_s))

    def _holds(self, stamp: Stamp) -> bool:
        finished = stamp.finished
        layout = Layout(root=self._project.store)
        return (
            self._is_written(finished)
            and all(check_entry(layout, key, thorough=False) is None for key in finished.targets)
            and self._state(take_snapshot(finished.places)) == stamp.state
        )

    def _state(self, places: Snapshot) -> Digest:
        return Digest.of_json([self._code.digest, places.digest])

    def _is_written(self, finished: Finished) -> bool:
        """Whether the output directory has all files as they were written, in directories and not behind links."""
        root = Path(os.path.realpath(finished.out))
        state = OutputState(state_file(root, self._project.cache / "out"))
        places = {(root / file.path).parent for file in finished.written}
        return all(place == Path(os.path.realpath(place)) for place in places) and all(
            state.is_same(PurePosixPath(file.path), file.digest, (root / file.path).lstat())
            for file in finished.written
        )

    def _note_use(self, stamp: Stamp) -> None:
        """Tell the store, which removes what was not used for long, now and then."""
        if 0 <= self._now_s - stamp.used_s < _TOUCH_S:
            return
        from builder.store.store import Store  # noqa: PLC0415 - once an hour

        store = Store(self._project.store)
        try:
            store.touch(stamp.finished.steps, self._now_s)
        finally:
            store.close()
        self._write(replace(stamp, used_s=self._now_s))

    def _write(self, stamp: Stamp) -> None:
        """Write the stamp, and remove the oldest where there are too many; a full disk is somebody else's to report."""
        with suppress(OSError):
            self._directory.mkdir(parents=True, exist_ok=True)
            atomic_write(self._path, stamp.to_bytes())
            known = sorted(self._directory.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
            for path in known[:-_KEPT]:
                path.unlink(missing_ok=True)


def _key(invocation: Invocation) -> Digest:
    """Two command lines that could have different results differ in it; so do two Pythons, and two kinds of machine."""
    python = [sys.prefix, sys.version, os.uname().machine]
    # As bytes that any text can be: arguments and names need not be UTF-8.
    return Digest.of_bytes(ascii([list(invocation.arguments), os.getcwd(), str(_code()), python]).encode())  # noqa: PTH109


def _code() -> Path:
    """The directory of the builder's own code."""
    return Path(__file__).resolve().parents[1]


def _look_at_code() -> Snapshot:
    """The state of the builder, whose byte code is made from it."""
    return take_snapshot([_code()], without=("__pycache__",))


def _finished(body: Mapping[str, Any]) -> Finished:
    return Finished(
        places=[Path(path) for path in body["places"]],
        out=Path(body["out"]),
        written=[
            Written(path=str(path), digest=Digest(digest), size_bytes=int(size))
            for path, digest, size in body["written"]
        ],
        steps=[Digest(key) for key in body["steps"]],
        targets=[Digest(key) for key in body["targets"]],
    )

"""Takes results out of a shared cache before a build, and gives new ones to it afterwards. No build fails because of it."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from builder.app.sharing.packed import RECORD, SIGNATURE, pack, read_record, same_nodes, unpack
from builder.app.sharing.places import Place
from builder.core.digest import Digest
from builder.core.errors import BuilderError, InterruptedBuildError, VerificationError
from builder.core.events import EventSink, StepFinished, Warned
from builder.io.cancel import CancelToken
from builder.steps.step import Step, reached
from builder.store.record import EntryFile
from builder.store.store import Store
from builder.trust.minisign import PublicKey, SecretKey, Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """What a user asked for: results are taken `from_` these places, the first that has one, and given `to` those.

    With `trust`, only results that this key has signed are taken; `key` signs those that are given. Places are directories or
    `oci://HOST/REPOSITORY`.
    """

    from_: Sequence[str] = ()
    to: Sequence[str] = ()
    trust: PublicKey | None = None
    key: SecretKey | None = None


@dataclass(slots=True, kw_only=True)
class SharedCache:
    """The places of `sharing`, opened by name with `open_place`; scratch files lie below `scratch`."""

    sharing: Sharing
    store: Store
    sink: EventSink
    cancel: CancelToken
    scratch: Path
    open_place: Callable[[str], Place]
    _opened: dict[str, Place] = field(default_factory=dict)
    _away: set[str] = field(default_factory=set)
    _wrong: set[Digest] = field(default_factory=set)

    def take(self, targets: Sequence[Step[Any]]) -> None:
        """Bring what `targets` need and the store lacks: a result that there is makes all behind it unneeded."""
        if not self.sharing.from_:
            return
        steps = {step.key: step for target in targets for step in reached(target)}
        present = set(self.store.lookup(list(steps)))
        waiting, seen = list(targets), set[Digest]()
        while waiting:
            step = waiting.pop()
            if step.key in seen or step.key in present:
                continue
            seen.add(step.key)
            if not self._bring(step):
                waiting += step.needs.values()

    def give(self, steps: Iterable[Step[Any]]) -> None:
        """Give the results of `steps` to places that lack them, or that have something wrong in their stead."""
        for step in steps:
            for name in self.sharing.to:
                for place in self._reachable(name):
                    self._give(step, name, place)

    def _bring(self, step: Step[Any]) -> bool:
        for name in self.sharing.from_:
            for place in self._reachable(name):
                with tempfile.TemporaryDirectory(dir=self.scratch) as directory:
                    try:
                        if place.fetch(step.key, Path(directory)):
                            self._commit(step, Path(directory))
                            return True
                    except VerificationError as error:
                        self._wrong.add(step.key)
                        self._warn(f"what {name} has of {step.id} is not used, and is made here: {error.brief}")
                    except InterruptedBuildError:
                        raise
                    except BuilderError as error:
                        self._leave(name, error)
        return False

    def _commit(self, step: Step[Any], directory: Path) -> None:
        """Make an entry of what arrived; nothing stays of it where it is not what it says."""
        record = self._record(step, directory)
        check = self.cancel.check
        with self.store.at_work(cancel=self.cancel), self.store.claim(step.key, cancel=self.cancel) as claim:
            if claim.entry is not None:
                return
            unpack(directory, record, claim.output, check)
            entry = claim.commit(record.made, created_s=record.created_s, check=check)
        if not same_nodes(entry.file.nodes, record.nodes):
            self.store.discard(step.key)
            raise VerificationError("it is not what its record says")
        told = StepFinished(step=step.id, cached=True, duration_s=0.0, downloaded_bytes=0, peak_memory_bytes=0)
        self.sink(told)

    def _record(self, step: Step[Any], directory: Path) -> EntryFile:
        """The record that arrived; `VerificationError` where nobody who is trusted signed it, or where it is of other facts."""
        data = (directory / RECORD).read_bytes()
        if self.sharing.trust:
            signature = directory / SIGNATURE
            if not signature.exists():
                raise VerificationError("nobody signed it")
            parsed = Signature.parse(signature.read_text(errors="replace"), where="its signature")
            self.sharing.trust.verify([data], parsed, what="its record")
        record = read_record(data, step.key)
        if record.made.facts != step.facts:
            raise VerificationError("it was made from something else")
        return record

    def _give(self, step: Step[Any], name: str, place: Place) -> None:
        entry = self.store.open(step.key)
        if entry is None:
            return
        with tempfile.TemporaryDirectory(dir=self.scratch) as directory:
            try:
                if step.key in self._wrong or not place.has(step.key):
                    pack(entry, Path(directory), self.cancel.check)
                    if self.sharing.key:
                        record = (Path(directory) / RECORD).read_bytes()
                        signature = self.sharing.key.sign([record], step.id)
                        (Path(directory) / SIGNATURE).write_text(str(signature))
                    place.put(step.key, Path(directory))
            except InterruptedBuildError:
                raise
            except (BuilderError, OSError) as error:
                self._leave(name, error)

    def _reachable(self, name: str) -> Iterator[Place]:
        """The place of this name, nothing where it failed before."""
        if name in self._away:
            return
        if name not in self._opened:
            try:
                self._opened[name] = self.open_place(name)
            except InterruptedBuildError:
                raise
            except BuilderError as error:
                self._leave(name, error)
                return
        yield self._opened[name]

    def _leave(self, name: str, error: Exception) -> None:
        """A place that failed once is not waited for again in this build."""
        self._away.add(name)
        told = [error.brief, *error.details] if isinstance(error, BuilderError) else [str(error)]
        self._warn(f"the shared cache {name} is not used any more in this build: {'; '.join(told)}")

    def _warn(self, message: str) -> None:
        self.sink(Warned(message=message))

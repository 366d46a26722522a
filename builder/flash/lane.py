"""One device: it is blanked, written and read back, in a thread of its own."""

import hashlib
import mmap
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

from builder.core.errors import BuilderError
from builder.core.events import EventSink, Warned
from builder.flash.faults import WrongContentError
from builder.flash.journal import Journal
from builder.flash.meter import Meter
from builder.flash.patch import Patch, Patcher
from builder.flash.pieces import CHUNK_BYTES, Chunk, Piece
from builder.flash.target import Target
from builder.io.cancel import CancelToken

# After a death so many seconds of writing are done again at most.
_CHECKPOINT_S = 5.0
_SAMPLES = 8
# Requests that a device has at the same moment: with one it would be idle between two of them.
_IN_FLIGHT = 2
_ZERO_STEP_BYTES = 64 << 20


class Unmapped(StrEnum):
    """What becomes of what a device held before where the image has nothing."""

    DISCARD = "discard"
    ZERO = "zero"
    KEEP = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be done with each device.

    `mapped_bytes` will be fed; `gaps` (offset, length) are not mapped. `verify`: everything is read back.
    """

    mapped_bytes: int
    gaps: Sequence[tuple[int, int]]
    unmapped: Unmapped
    verify: bool
    sink: EventSink
    cancel: CancelToken


class Lane(threading.Thread):
    """Writes to `target` the pieces that it is fed, with `patch` in them; `error` says afterwards what went wrong.

    `resumed_bytes` were there from an earlier try. A lane that failed goes on releasing what it is fed.
    """

    def __init__(self, target: Target, patch: Patch, job: Job, journal: Journal) -> None:
        self.step = f"flash/{target.name}"
        super().__init__(name=self.step, daemon=True)
        self.target = target
        self.error: BuilderError | None = None
        self.resumed_bytes = 0
        self._job = job
        self._journal = journal
        self._patched = Patcher(patch, job.cancel)
        self._queue: queue.SimpleQueue[Piece | None] = queue.SimpleQueue()
        self._is_whole = False
        self._is_drained = False
        self._chunks: list[Chunk] = []
        self._resumed: set[int] = set()
        self._is_noteless = False

    def feed(self, piece: Piece) -> None:
        """Write `piece`, and release it."""
        self._queue.put(piece)

    def end(self, *, is_whole: bool) -> None:
        """No piece follows; `is_whole` where the image ended well, otherwise there is nothing to read back."""
        self._is_whole = is_whole
        self._queue.put(None)

    def run(self) -> None:
        """See `Thread`."""
        try:
            self._write()
            if self._is_whole:
                self._complete()
            elif self._chunks:
                self._save(self._chunks)
        except BuilderError as error:
            self.error = error
        except Exception as error:
            # The main thread tells it: a traceback of this one would end up in the middle of the display.
            self.error = BuilderError(f"unexpected {type(error).__name__}: {error}", hint="this is a defect; report it")
        finally:
            while not self._is_drained:
                self._next()

    def _next(self) -> Piece | None:
        """The next piece, None behind the last; one that comes when the lane has failed is released at once."""
        if self._is_drained:
            return None
        piece = self._queue.get()
        self._is_drained = piece is None
        if piece and self.error:
            piece.release()
        return piece

    def _write(self) -> None:
        earlier = self._earlier()
        if not earlier:
            self._note(self._journal.remove)
            self._blank()
        meter = Meter(self._job.sink, self.step, "write", self._job.mapped_bytes)
        saved_s, saving = time.monotonic(), None
        # One more, so that the device has something to do while it is noted what is durable.
        with ThreadPoolExecutor(_IN_FLIGHT + 1, thread_name_prefix=self.step) as writers:
            pending: deque[tuple[Chunk, bool, Future[None]]] = deque()
            while (piece := self._next()) or pending:
                if piece:
                    piece = self._patched(piece)
                    index = len(self._chunks) + len(pending)
                    is_there = index < len(earlier) and earlier[index] == piece.chunk
                    pending.append((piece.chunk, is_there, writers.submit(self._put, piece, is_there=is_there)))
                    if len(pending) < _IN_FLIGHT:
                        continue
                chunk, is_there, written = pending.popleft()
                written.result()
                self._chunks.append(chunk)
                if is_there:
                    self._resumed.add(chunk.offset)
                    self.resumed_bytes += chunk.length
                meter.add(chunk.length, skipped=is_there)
                if not is_there and time.monotonic() - saved_s > _CHECKPOINT_S and (saving is None or saving.done()):
                    if saving:
                        saving.result()
                    saving = writers.submit(self._save, list(self._chunks))
                    saved_s = time.monotonic()
            if saving:
                saving.result()

    def _put(self, piece: Piece, *, is_there: bool) -> None:
        try:
            if not is_there:
                self.target.write(piece.data, piece.chunk.offset)
        finally:
            piece.release()

    def _save(self, chunks: Sequence[Chunk]) -> None:
        """Make everything that was written durable, and note that `chunks`, which were written before, are."""
        self.target.sync()
        self._note(lambda: self._journal.write(chunks))

    def _note(self, act: Callable[[], None]) -> None:
        """Change the journal; a device can be written without one, and only another try is longer."""
        try:
            act()
        except OSError as error:
            if not self._is_noteless:
                self._is_noteless = True
                text = f"cannot be noted in {self._journal.path}, {error.strerror}: another try would begin at the beginning"
                self._job.sink(Warned(message=f"{self.target.name}: how far it is {text}"))

    def _earlier(self) -> Sequence[Chunk]:
        """What an earlier try left on the device, if samples of it are there: card readers have one name for all cards."""
        chunks = self._journal.read()
        buffer = memoryview(mmap.mmap(-1, CHUNK_BYTES))
        for index in {round(part * (len(chunks) - 1) / (_SAMPLES - 1)) for part in range(_SAMPLES)} if chunks else ():
            if chunks[index].length > CHUNK_BYTES or not self._holds(chunks[index], buffer):
                return ()
        return chunks

    def _blank(self) -> None:
        if self._job.unmapped is Unmapped.DISCARD and not self.target.blank(self._job.cancel.check):
            text = (
                "cannot discard: what the image leaves out keeps what was there before; --unmapped zero overwrites it"
            )
            self._job.sink(Warned(message=f"{self.target.name} {text}"))

    def _complete(self) -> None:
        if self._job.unmapped is Unmapped.ZERO:
            self._zero()
        if self._job.verify:
            self._save(self._chunks)
            self._verify()
        else:
            self.target.sync()
        self._note(self._journal.remove)
        self.target.finish()

    def _zero(self) -> None:
        meter = Meter(self._job.sink, self.step, "zero", sum(length for _, length in self._job.gaps))
        for offset, length in self._job.gaps:
            for start in range(0, length, _ZERO_STEP_BYTES):
                self._job.cancel.check()
                count = min(_ZERO_STEP_BYTES, length - start)
                self.target.zero(offset + start, count)
                meter.add(count)

    def _verify(self) -> None:
        self.target.drop_cached()
        meter = Meter(self._job.sink, self.step, "verify", self._job.mapped_bytes)
        for chunk, is_right in self._read_back():
            if not is_right:
                # What is noted as durable is not: another try has to begin at the beginning.
                self._note(self._journal.remove)
                resumed = chunk.offset in self._resumed
                raise WrongContentError(self.target.name, offset=chunk.offset, length=chunk.length, resumed=resumed)
            meter.add(chunk.length)

    def _read_back(self) -> Iterator[tuple[Chunk, bool]]:
        """All chunks in their order, and whether the device holds each; one is read while another is hashed."""
        buffers = [memoryview(mmap.mmap(-1, CHUNK_BYTES)) for _ in range(_IN_FLIGHT)]
        with ThreadPoolExecutor(_IN_FLIGHT, thread_name_prefix=self.step) as readers:
            pending: deque[tuple[Chunk, Future[bool]]] = deque()
            for index, chunk in enumerate(self._chunks):
                self._job.cancel.check()
                if len(pending) == _IN_FLIGHT:
                    earlier, read = pending.popleft()
                    yield earlier, read.result()
                pending.append((chunk, readers.submit(self._holds, chunk, buffers[index % _IN_FLIGHT])))
            for chunk, read in pending:
                yield chunk, read.result()

    def _holds(self, chunk: Chunk, buffer: memoryview) -> bool:
        view = buffer[: chunk.length]
        self.target.read(view, chunk.offset)
        return hashlib.sha256(view).digest() == chunk.sha256

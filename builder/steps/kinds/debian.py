"""The kind of step that fetches files of Debian's archive."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from builder.debian.mirrors import find_mirrors, named_for
from builder.debian.pins import PinnedFile
from builder.steps.context import StepContext
from builder.steps.kinds.common import online
from builder.steps.step import StepKind

# How often one address is asked before the next one is: a bad uplink recovers in seconds, a dead mirror never.
ATTEMPTS = 4
_PAUSE_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveInput:
    """Pinned files of Debian's archives, or all of one other; where they come from makes no difference to what they are.

    `address` is that other archive's base address, `mirrors` are those of Debian that the recipe names.
    """

    pins: tuple[PinnedFile, ...]
    mirrors: tuple[str, ...] = field(default=(), compare=False)
    address: str = field(default="", compare=False)


def _fetch_files(wanted: ArchiveInput, context: StepContext) -> None:
    # Plans are made without an HTTP client, which takes longer to import than most plans to make.
    from builder.debian.download import Downloader, fetch_pinned

    environment = online(context, ", ".join(map(str, wanted.pins)))
    arrived = _Arrived(context=context, total_bytes=sum(pin.size_bytes for pin in wanted.pins))
    downloader = Downloader(
        client=context.network.http.get(), attempts=ATTEMPTS, pause=arrived.pause, progress=arrived.tell
    )
    mirrors = None if wanted.address else find_mirrors(environment, wanted.mirrors)
    for pin in wanted.pins:
        further = (*named_for(environment, pin.archive), wanted.address)
        bases: Sequence[str] = mirrors.of_archive(pin.archive) if mirrors else further
        fetch_pinned(pin, bases, context.output, downloader, partials=context.caches.debian / "partial")
        arrived.earlier_bytes += pin.size_bytes


@dataclass(slots=True, kw_only=True)
class _Arrived:
    """Tells how much of `total_bytes` is there; `earlier_bytes` are those of files that are complete.

    Both of its functions end the step when the build is cancelled.
    """

    context: StepContext
    total_bytes: int
    earlier_bytes: int = 0
    told_bytes: int = 0

    def tell(self, size_bytes: int) -> None:
        """Tell that the present file has `size_bytes`."""
        self.told_bytes = self.earlier_bytes + size_bytes
        self.context.progress("download", self.told_bytes, self.total_bytes, "bytes")

    def pause(self, seconds: float) -> None:
        """Wait before the next attempt."""
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0:
            self.context.progress("download", self.told_bytes, self.total_bytes, "bytes")
            time.sleep(min(left_s, _PAUSE_S))


ARCHIVE_FILES = StepKind(name="archive-files", version=1, run=_fetch_files, downloads=True)

"""The kind of step that fetches files of Debian's archive."""

import time
from dataclasses import dataclass

from builder.debian.mirrors import find_mirrors
from builder.debian.pins import PinnedFile
from builder.steps.context import StepContext
from builder.steps.kinds.common import online, watched_download
from builder.steps.step import StepKind

# How often one address is asked before the next one is: a bad uplink recovers in seconds, a dead mirror never.
ATTEMPTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveInput:
    """Pinned files, and the mirrors that the recipe names."""

    pins: tuple[PinnedFile, ...]
    mirrors: tuple[str, ...]


def _fetch_files(wanted: ArchiveInput, context: StepContext) -> None:
    # Plans are made without an HTTP client, which takes longer to import than most plans to make.
    from builder.debian.connection import open_client
    from builder.debian.download import Downloader, fetch_pinned

    environment = online(context, ", ".join(map(str, wanted.pins)))
    mirrors = find_mirrors(environment, wanted.mirrors)
    with open_client(environment, stall_s=context.network.stall_s) as client, watched_download(context, context.output):
        downloader = Downloader(client=client, attempts=ATTEMPTS, pause=time.sleep)
        for pin in wanted.pins:
            fetch_pinned(pin, mirrors.of_archive(pin.archive), context.output, downloader)


ARCHIVE_FILES = StepKind(name="archive-files", version=1, run=_fetch_files, downloads=True)

"""The shared cache of one build."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from builder.app.sharing.cache import SharedCache, Sharing
from builder.app.sharing.places import open_place
from builder.oci.registry.client import Registries, Work

if TYPE_CHECKING:
    from builder.app.session import Session

# A cache saves time: one that is slow to answer is built past.
_STALL_S = 20.0


@contextmanager
def shared_cache(session: "Session", sharing: Sharing) -> Iterator[SharedCache]:
    """The places of `sharing`; connections end with the block."""
    registries = Registries(environment=session.project.environment, stall_s=min(_STALL_S, session.settings.stall_s))
    with session.bench("shared-cache") as (runner, scratch):
        work = Work(runner=runner, pause=time.sleep, progress=lambda _: session.cancel.check())
        try:
            yield SharedCache(
                sharing=sharing,
                store=session.store,
                sink=session.sink,
                cancel=session.cancel,
                scratch=scratch,
                open_place=lambda name: open_place(name, lambda: registries, work),
            )
        finally:
            registries.close()

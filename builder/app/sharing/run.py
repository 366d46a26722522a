"""The shared cache of one build."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from builder.app.sharing.cache import SharedCache, Sharing
from builder.app.sharing.places import open_place
from builder.core.events import EventSink
from builder.io.cancel import CancelToken
from builder.io.spawn import Runner
from builder.oci.registry.client import Registries, Work
from builder.store.store import Store

# A cache saves time: one that is slow to answer is built past.
_STALL_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the build has that shares: `bench` is a runner with a log of that name and a scratch directory."""

    environment: Mapping[str, str]
    stall_s: float
    store: Store
    sink: EventSink
    cancel: CancelToken
    bench: Callable[[str], AbstractContextManager[tuple[Runner, Path]]]


@contextmanager
def shared_cache(around: Surroundings, sharing: Sharing) -> Iterator[SharedCache]:
    """The places of `sharing`; connections end with the block."""
    registries = Registries(environment=around.environment, stall_s=min(_STALL_S, around.stall_s))
    with around.bench("shared-cache") as (runner, scratch):
        work = Work(runner=runner, pause=time.sleep, progress=lambda _: around.cancel.check())
        try:
            yield SharedCache(
                sharing=sharing,
                store=around.store,
                sink=around.sink,
                cancel=around.cancel,
                scratch=scratch,
                open_place=lambda name: open_place(name, lambda: registries, work),
            )
        finally:
            registries.close()

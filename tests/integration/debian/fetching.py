"""A builder that fetches packages; as a program: `python -m tests.integration.debian.fetching CACHE PINS MIRROR`."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from builder.core.events import Event
from builder.core.resources import GIB, Resources
from builder.debian.client import SharedClient
from builder.debian.pins import PinnedFile
from builder.exec.executor import Executor
from builder.exec.result import BuildResult
from builder.io.cancel import CancelToken
from builder.oci.registry.shared import SharedRegistries
from builder.plan.debian import pool_step
from builder.plan.planner import make_plan
from builder.recipe.debian import Debian
from builder.steps.caches import CacheDirs
from builder.steps.context import Network
from builder.steps.step import Step
from builder.store.store import Store
from tests.integration.engine.toy import StoreIndex

MACHINE = Resources(cores=1, memory_bytes=4 * GIB, connections=8)


@dataclass(kw_only=True)
class Fetching:
    """Everything that it keeps lies in `cache`; `mirrors` are those of the recipe."""

    cache: Path
    mirrors: Sequence[str]
    stall_s: float = 30
    offline: bool = False
    events: list[Event] = field(default_factory=list)
    cancel: CancelToken = field(default_factory=CancelToken)

    def fetch(self, pins: Sequence[PinnedFile], repositories: dict[str, Any] | None = None) -> BuildResult:
        """One step for each of `pins`, as many at once as the machine allows."""
        debian = Debian.model_validate(
            {"suites": {}, "sources": "stable", "mirrors": tuple(self.mirrors), "repositories": repositories or {}}
        )
        steps: list[Step[Any]] = [pool_step(pin, debian) for pin in pins]
        store, http = Store(self.cache / "store"), SharedClient({}, stall_s=self.stall_s)
        caches = {name: self.cache / name for name in ("go_build", "go_modules", "zig", "debian")}
        executor = Executor(
            store=store,
            machine=MACHINE,
            sink=self.events.append,
            cancel=self.cancel,
            caches=CacheDirs(**caches),
            network=Network(
                offline=self.offline,
                stall_s=self.stall_s,
                environment={},
                http=http,
                registries=SharedRegistries({}, stall_s=self.stall_s),
            ),
            logs=self.cache / "logs",
            scope="test",
        )
        try:
            return executor.execute(lambda damaged: make_plan(steps, StoreIndex(store=store), damaged=damaged))
        finally:
            store.close()
            http.close()


def main(cache: str, pins: str, mirror: str) -> None:
    wanted = [PinnedFile.model_validate(one) for one in json.loads(Path(pins).read_text())]
    Fetching(cache=Path(cache), mirrors=[mirror]).fetch(wanted)


if __name__ == "__main__":
    main(*sys.argv[1:])

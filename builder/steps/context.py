"""What a running step may use: its places, its tools, its network. Nothing else reaches into a step."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from builder.debian.client import SharedClient
from builder.io.spawn import Runner
from builder.oci.registry.shared import SharedRegistries
from builder.steps.caches import CacheDirs
from builder.steps.source import SourceFile


class Progress(Protocol):
    """Tells how far a step is; `total` is None where it cannot be known."""

    def __call__(self, what: str, done: int, total: int | None, unit: str) -> None:
        """Tell that `done` of `total` `unit` of `what` are done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """How a step reaches the outside.

    `environment` is the part of the user's environment that says where registries and proxies are (GOPROXY, HTTPS_PROXY,
    PIP_INDEX_URL, ...); it may hold passwords and is never printed. A transfer without a byte for `stall_s` is ended.
    `http` is the client for files of mirrors, `registries` are those of container images.
    """

    offline: bool
    stall_s: float
    environment: Mapping[str, str]
    http: SharedClient
    registries: SharedRegistries


@dataclass(frozen=True, slots=True, kw_only=True)
class StepContext:
    """The world of one running step.

    `output` is an empty directory that becomes the store entry; `scratch` is removed afterwards; `needs` maps each role
    to the complete output of the step that fills it, read-only; `sources` maps each name to the file to read and the
    digest that it must have; `cores` is how many the machine has: idle
    ones may be used beyond those that the step asks for.
    """

    output: Path
    scratch: Path
    needs: Mapping[str, Path]
    sources: Mapping[str, SourceFile]
    cores: int
    caches: CacheDirs
    network: Network
    runner: Runner
    progress: Progress

    def places(self) -> tuple[Path, ...]:
        """Directories of this machine that no result may name.

        The one directory that holds all results stands for them: there can be hundreds, and each would be looked for.
        """
        results = (Path(os.path.commonpath(self.needs.values())),) if self.needs else ()
        return (self.scratch, self.output, *results, *self.caches.all)

"""A fleet's plan, made in a process of its own: `python -m benchmarks.fleet CASE STORE` prints seconds and bytes as JSON.

The shape is that of a recipe for many devices: ten results that all share, and a chain of four steps for each device.
"""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from benchmarks.process import peak_memory_bytes
from builder.app.session import StoreIndex
from builder.core.arch import Arch
from builder.core.digest import Digest, canonical_json
from builder.core.resources import GIB, Resources
from builder.plan.planner import make_plan
from builder.steps.context import StepContext
from builder.steps.source import SourceFile
from builder.steps.step import Step, StepKind
from builder.store.history import StepUse
from builder.store.record import EntryRecord
from builder.store.store import Store

DEVICES = 2500
_COMMON = 10
_SITES = 40
_SCOPE = "fleet"


class Case(StrEnum):
    """What the store knows when the plan is made; `BARE` makes no plan, only the digests that any plan needs."""

    UNKNOWN = "nothing known"
    CACHED = "all cached"
    CHANGED = "one shared input changed"
    BARE = "digests alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceInput:
    """An input of the size that steps for devices have."""

    hostname: str
    arch: Arch
    board: str
    labels: Mapping[str, str]
    features: tuple[str, ...]
    image_bytes: int
    is_controller: bool


def _nothing(_: DeviceInput, __: StepContext) -> None:
    """These steps are planned and never run."""


_KINDS = [StepKind(name=name, version=1, run=_nothing) for name in ("config", "rootfs", "bundle", "image")]


def fleet(*, changed: bool, devices: int = DEVICES) -> list[Step[DeviceInput]]:
    """The last step of each device; `changed` gives one source file that all share another content."""
    sources = _sources(changed=changed)
    common = [
        Step(id=f"common/{number}", kind=_KINDS[0], input=_input(f"common-{number}", number), sources=sources)
        for number in range(_COMMON)
    ]
    return [_chain(number, common, sources) for number in range(devices)]


def _sources(*, changed: bool) -> Mapping[str, SourceFile]:
    contents = {f"files/{name}.conf": name for name in ("sshd", "chrony", "journald", "sysctl", "modules")}
    contents["files/sshd.conf"] += " changed" if changed else ""
    return {
        name: SourceFile(path=Path("recipes", name), digest=Digest.of_bytes(content.encode()))
        for name, content in contents.items()
    }


def _chain(device: int, common: Sequence[Step[DeviceInput]], sources: Mapping[str, SourceFile]) -> Step[DeviceInput]:
    """The steps of one device; each needs the one before and two of the common ones."""
    name = f"device-{device:05}"
    last: Step[DeviceInput] | None = None
    for place, kind in enumerate(_KINDS):
        needs = {"base": common[(device + place) % _COMMON], "kernel": common[(device + place + 3) % _COMMON]}
        last = Step(
            id=f"fleet/{name}/{kind.name}",
            kind=kind,
            input=_input(name, device),
            needs=needs | ({"previous": last} if last else {}),
            sources={"files/chrony.conf": sources["files/chrony.conf"]},
            resources=Resources(cores=1, memory_bytes=1 * GIB),
        )
    if last is None:
        raise ValueError("there are no kinds of steps")
    return last


def _input(name: str, number: int) -> DeviceInput:
    return DeviceInput(
        hostname=name,
        arch=Arch.ARM64,
        board="rpi4",
        labels={"site": f"site-{number % _SITES}", "zone": "edge"},
        features=("kubelet", "containerd", "tunnel"),
        image_bytes=4 * GIB + number,
        is_controller=number == 0,
    )


def prepare(store_root: Path) -> int:
    """Fill a store's index as if the unchanged fleet had been built; the number of steps."""
    store = Store(store_root)
    try:
        plan = make_plan(fleet(changed=False), StoreIndex(store=store, scope=_SCOPE))
        steps = [planned.step for planned in plan.steps]
        store.index.add(_record(step) for step in steps)
        store.remember(_SCOPE, [StepUse(step=one.id, key=one.key, facts=one.facts, duration_s=1.0) for one in steps])
        return len(steps)
    finally:
        store.close()


def _record(step: Step[DeviceInput]) -> EntryRecord:
    return EntryRecord(
        key=step.key,
        step=step.id,
        kind=step.kind.name,
        size_bytes=1,
        files=1,
        created_s=1.0,
        used_s=1.0,
        duration_s=1.0,
        peak_memory_bytes=1,
        downloaded_bytes=0,
    )


def plan_once(case: Case, store_root: Path) -> float:
    """Seconds for the whole way: making steps with their keys, opening the store, its index, actions and reasons."""
    if case is Case.BARE:
        return _digest_once()
    began_s = time.perf_counter()
    targets = fleet(changed=case is Case.CHANGED)
    store = Store(store_root)
    make_plan(targets, StoreIndex(store=store, scope=_SCOPE))
    duration_s = time.perf_counter() - began_s
    store.close()
    return duration_s


def _digest_once() -> float:
    """Seconds for turning ready-made tables of facts into keys: no plan can be had for less."""
    tables = [dict(step.facts) for target in fleet(changed=False) for step in _with_needs(target)]
    began_s = time.perf_counter()
    for table in tables:
        Digest.of_bytes(canonical_json(table))
    return time.perf_counter() - began_s


def _with_needs(step: Step[DeviceInput]) -> list[Step[DeviceInput]]:
    """A device's steps, last first."""
    found = [step]
    while "previous" in found[-1].needs:
        found.append(found[-1].needs["previous"])
    return found


def main(case: str, store_root: str) -> None:
    """Make one plan and print what it took."""
    duration_s = plan_once(Case(case), Path(store_root))
    sys.stdout.write(json.dumps({"duration_s": duration_s, "peak_memory_bytes": peak_memory_bytes()}))


if __name__ == "__main__":
    main(*sys.argv[1:])

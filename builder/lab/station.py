"""One machine of a lab: where it stands, turned on and off, again and again."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from builder.core.errors import BuilderError, RecipeError, VerificationError
from builder.io.spawn import Runner
from builder.lab.model import NetworkKind
from builder.lab.plan import Plan, PlannedMachine, PlannedNetwork
from builder.lab.stages import Boot
from builder.toolchain.tree import ToolsTree
from builder.vm.console import last_lines
from builder.vm.images import OVERLAY
from builder.vm.machine import TRANSCRIPT, Bench, Machine
from builder.vm.setup import Disk, DiskFormat, Forward, Network, Setup, SharedNetwork, UserNetwork

_LOG = "qemu.log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """`lab_s` is seconds since the lab began; `utc` is the time of day."""

    lab_s: Callable[[], float]
    utc: Callable[[], datetime]


class Station:
    """The machine `planned` in `directory`. May be used by several threads."""

    def __init__(self, planned: PlannedMachine, setup: Setup, bench: Bench, clocks: Clocks) -> None:
        self.planned = planned
        self.directory = bench.directory
        self.boots: list[Boot] = []
        self.clock_shift = timedelta()
        self._setup = setup
        self._bench = bench
        self._clocks = clocks
        self._machine: Machine | None = None
        self._lock = threading.RLock()
        self._watchers: list[Callable[[bytes], None]] = []

    @property
    def name(self) -> str:
        """The machine's name."""
        return self.planned.name

    @property
    def is_on(self) -> bool:
        """Whether QEMU runs."""
        return self.pid != 0

    @property
    def pid(self) -> int:
        """QEMU's process id; 0 while there is none."""
        machine = self._machine
        return machine.pid if machine is not None and machine.is_running else 0

    def machine(self) -> Machine:
        """The machine, which is on."""
        machine = self._machine
        if machine is None or not self.is_on:
            raise VerificationError(f"{self.name} is off", hint=f"builder lab power-on {self.name}")
        return machine

    def switch_on(self) -> None:
        """Turn the machine on; `CommandError` where QEMU does not start."""
        with self._lock:
            if self.is_on:
                raise RecipeError(f"{self.name} is on already")
            self._put_away()
            setup = self._setup
            if self.clock_shift:
                setup = replace(setup, clock=f"{self._clocks.utc() + self.clock_shift:%Y-%m-%dT%H:%M:%S}")
            boot = Boot(machine=self.name, number=len(self.boots) + 1, began_s=self._clocks.lab_s())
            self._machine = Machine(setup, self._bench, listen=lambda data: self._hear(boot, data))
            self.boots.append(boot)

    def switch_off(self, *, at_once: bool) -> None:
        """End the machine; `at_once` as a power cut does, which loses what the guest has not flushed."""
        with self._lock:
            if self._machine and at_once:
                self._machine.cut_power()
            self._put_away()

    def watch(self, watcher: Callable[[bytes], None]) -> None:
        """Let `watcher` have all that the console says from now on."""
        self._watchers.append(watcher)

    def unwatch(self, watcher: Callable[[bytes], None]) -> None:
        """Tell `watcher` no more."""
        self._watchers.remove(watcher)

    def last_lines(self) -> list[str]:
        """The last lines that the console said, in this start or an earlier one."""
        transcript = self._bench.runner.log.with_name(TRANSCRIPT)
        return last_lines(transcript) if transcript.exists() else []

    def failure(self) -> BuilderError | None:
        """Why QEMU has ended by itself with a failure; None where it did not."""
        machine = self._machine
        return machine.failure() if machine else None

    def _hear(self, boot: Boot, data: bytes) -> None:
        boot.hear(data, self._clocks.lab_s())
        for watcher in list(self._watchers):
            watcher(data)

    def _put_away(self) -> None:
        if self._machine is None:
            return
        self._machine.__exit__(None, None, None)
        self._machine = None
        if self.boots and self.boots[-1].ended_s is None:
            self.boots[-1].ended_s = self._clocks.lab_s()


def setup_of(plan: Plan, planned: PlannedMachine) -> Setup:
    """What QEMU is asked for."""
    return Setup(
        name=f"{plan.name}/{planned.name}",
        type=planned.type,
        disk=Disk(path=Path(OVERLAY), format=DiskFormat.QCOW2, disposable=True),
        memory_mib=planned.memory_mib,
        accelerator=planned.accelerator,
        networks=[_network(plan, one) for one in planned.networks],
        cores=planned.cores,
        agent=planned.has_agent,
    )


def bench_of(plan: Plan, directory: Path, runner: Runner) -> Bench:
    """Where a machine runs."""
    tools = ToolsTree(root=Path(plan.qemu), arch=plan.host)
    return Bench(directory=directory, tools=tools, runner=replace(runner, log=directory / _LOG))


def _network(plan: Plan, attached: PlannedNetwork) -> Network:
    if plan.networks[attached.name].kind is NetworkKind.SEGMENT:
        return SharedNetwork()
    forwards = [Forward(host_port=one.host_port, guest_port=one.guest_port) for one in attached.forwards]
    return UserNetwork(forwards=forwards, relayed=True)

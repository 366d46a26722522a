"""What can be done to a lab that runs, and what it tells of itself."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from builder.core.errors import BuilderError, RecipeError
from builder.core.nearest import suggestion
from builder.fleet.role import Role
from builder.lab.agent import Agent, Answer
from builder.lab.nodes import NodeState
from builder.lab.plan import Plan
from builder.lab.stages import Boot, Stage
from builder.lab.station import Clocks, Station
from builder.lab.status import BootStatus, Happening, LabStatus, MachineStatus
from builder.lab.wires import Wires


@dataclass(slots=True, kw_only=True)
class Conductor:
    """A lab's machines and networks. May be used by several threads."""

    plan: Plan
    stations: Mapping[str, Station]
    wires: Wires
    clocks: Clocks
    happenings: list[Happening] = field(default_factory=list)
    nodes: dict[str, NodeState] = field(default_factory=dict)
    _agents: dict[str, Agent] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def station(self, name: str) -> Station:
        """The machine `name`; `RecipeError` where there is none."""
        if name not in self.stations:
            known = suggestion(name, "machines", list(self.stations))
            raise RecipeError(f"the lab {self.plan.name} has no machine {name!r}{known}")
        return self.stations[name]

    def start(self) -> None:
        """Turn all machines on that are off; what goes wrong with any of them is told at once."""
        problems: list[str] = []
        hint = ""
        for station in self.stations.values():
            try:
                if not station.is_on:
                    self.power_on(station.name)
            except BuilderError as error:
                problems += [f"{station.name}: {error.brief}", *(f"  {line}" for line in error.details)]
                hint = error.hint
        if problems:
            raise BuilderError("machines did not start", details=problems, hint=hint)

    def power_on(self, name: str) -> None:
        """Turn a machine on."""
        self.station(name).switch_on()
        self.note(name, "power on")

    def power_cut(self, name: str) -> None:
        """Take a machine's power away."""
        station = self.station(name)
        station.machine()
        station.switch_off(at_once=True)
        self.note(name, "power cut")

    def press_power(self, name: str) -> None:
        """Press the button that asks a system to turn itself off."""
        self.station(name).machine().press_power()
        self.note(name, "power button")

    def cut(self, name: str, network: str, *, is_cut: bool) -> None:
        """Cut a machine off, or heal that."""
        self.wires.cut(self.station(name).name, network, is_cut=is_cut)
        self.note(name, f"network {'cut' if is_cut else 'healed'}{f': {network}' if network else ''}")

    def shift_clock(self, name: str, shift: timedelta) -> None:
        """Let a machine's clock say another time, from its next start on."""
        self.station(name).clock_shift = shift
        self.note(name, f"clock {'+' if shift >= timedelta() else '-'}{abs(shift)}")

    def save(self, name: str, snapshot: str) -> None:
        """Keep all of a machine as it is now."""
        self.station(name).machine().save(snapshot)
        self.note(name, f"saved as {snapshot}")

    def restore(self, name: str, snapshot: str) -> None:
        """Make a machine what it was when it was saved."""
        self.station(name).machine().restore(snapshot)
        self.note(name, f"restored from {snapshot}")

    def run(self, name: str, command: str, timeout_s: float) -> Answer:
        """Run a command in a machine's system."""
        station = self.station(name)
        if not station.planned.has_agent:
            raise RecipeError(f"no command can be run in {name}", hint="only nodes of the lab's cluster can be asked")
        with self._lock:
            agent = self._agents.setdefault(name, Agent(station.directory))
        return agent.run(station.machine(), command, timeout_s)

    def note(self, machine: str, what: str) -> None:
        """Keep that something has happened now."""
        self.happenings.append(Happening(at_s=self.clocks.lab_s(), machine=machine, what=what))

    def controls_are_ready(self) -> bool:
        """Whether the API server was ready once since its machine was turned on."""
        controllers = [one for one in self.stations.values() if one.planned.role is Role.CONTROLLER]
        return all(one.boots and one.boots[-1].stage is Stage.READY for one in controllers)

    def see_nodes(self, seen: Mapping[str, NodeState], *, is_ready: bool) -> None:
        """Take in what the API says: a node that says so since this start of its machine has joined, and may be ready."""
        now_s = self.clocks.lab_s()
        for name, station in self.stations.items():
            before, state = self.nodes.get(name), seen.get(name)
            if not (station.boots and station.is_on):
                continue
            if station.planned.role is Role.CONTROLLER:
                station.boots[-1].reach(Stage.READY if is_ready else Stage.JOINED, now_s)
            elif state and not self._is_stale(station, state):
                station.boots[-1].reach(Stage.READY if state.is_ready else Stage.JOINED, now_s)
            if before and state and before.is_ready != state.is_ready:
                self.note(name, "node Ready" if state.is_ready else "node not Ready")
        self.nodes = dict(seen)

    def _is_stale(self, station: Station, state: NodeState) -> bool:
        """Whether the API still tells of an earlier start of the machine."""
        boot = station.boots[-1]
        if not boot.node_boot and state.boot not in {earlier.node_boot for earlier in station.boots[:-1]}:
            boot.node_boot = state.boot
        return boot.node_boot != state.boot

    def status(self) -> LabStatus:
        """The lab now."""
        machines = tuple(self._machine(station) for station in self.stations.values())
        awaited = [one for one in machines if one.role]
        boots = [boot for station in self.stations.values() for boot in station.boots]
        return LabStatus(
            name=self.plan.name,
            title=self.plan.title,
            now_s=self.clocks.lab_s(),
            is_ready=all(one.is_on for one in machines) and all(one.stage is Stage.READY for one in awaited),
            machines=machines,
            boots=tuple(map(_boot, boots)),
            happenings=tuple(self.happenings),
        )

    def _machine(self, station: Station) -> MachineStatus:
        planned, state = station.planned, self.nodes.get(station.name)
        boot = station.boots[-1] if station.boots else None
        if state and (boot is None or boot.node_boot != state.boot):
            state = None  # it is what an earlier start was
        failure = station.failure()
        return MachineStatus(
            name=station.name,
            role=planned.role,
            kind=planned.type.title,
            arch=planned.type.arch,
            is_on=station.is_on,
            pid=station.pid,
            stage=boot.stage if boot else None,
            since_s=max([boot.began_s, *boot.stages.values()]) if boot else 0.0,
            trouble=boot.trouble if boot else "",
            cut=tuple(self.wires.cut_networks(station.name)),
            node=("Ready" if state.is_ready else "NotReady") if state else "",
            ssh_port=planned.ssh_port,
            failure=str(failure) if failure else "",
        )


def _boot(boot: Boot) -> BootStatus:
    return BootStatus(
        machine=boot.machine,
        number=boot.number,
        began_s=boot.began_s,
        ended_s=boot.ended_s,
        stages=dict(boot.stages),
        trouble=boot.trouble,
    )

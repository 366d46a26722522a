"""What is made of what the API says of nodes, over several starts of their machines."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from builder.core.arch import Arch
from builder.fleet.role import Role
from builder.io.spawn import Runner
from builder.lab.conduct import Conductor
from builder.lab.nodes import NodeState
from builder.lab.place import LabPlace
from builder.lab.plan import Plan, PlannedMachine
from builder.lab.stages import Boot, Stage
from builder.lab.station import Clocks, Station, bench_of, setup_of
from builder.lab.wires import Wires
from builder.vm.machines import read_machine
from builder.vm.setup import Accelerator

MACHINES = Path(__file__).parents[3] / "recipes" / "machines"


@dataclass(slots=True)
class Hands:
    """The lab's time, moved by hand."""

    now_s: float = 0.0
    clocks: Clocks = field(init=False)

    def __post_init__(self) -> None:
        self.clocks = Clocks(lab_s=lambda: self.now_s, utc=lambda: datetime(2026, 1, 1, tzinfo=UTC))


class On(Station):
    """A machine that is on as long as its last boot has not ended; there is no QEMU."""

    @property
    def pid(self) -> int:
        return 1 if self.boots and self.boots[-1].ended_s is None else 0

    def boot(self, now_s: float) -> None:
        if self.boots:
            self.boots[-1].ended_s = now_s
        self.boots.append(Boot(machine=self.name, number=len(self.boots) + 1, began_s=now_s))


def conductor(place: Path, hands: Hands) -> tuple[Conductor, On, On]:
    machines = tuple(
        PlannedMachine(
            name=name, type=read_machine(MACHINES, "q35-bios"), accelerator=Accelerator.TCG, memory_mib=64, cores=1, role=role,
            networks=(),
        )
        for name, role in (("barn", Role.CONTROLLER), ("field", Role.WORKER))
    )  # fmt: skip
    plan = Plan(name="x", title="", file="", qemu="/", host=Arch.AMD64, networks={}, machines=machines)
    runner = Runner(log=place / "log")
    barn, field_1 = (
        On(planned, setup_of(plan, planned), bench_of(plan, place / planned.name, runner), hands.clocks)
        for planned in machines
    )
    wires = Wires(plan, LabPlace(path=place))
    return (
        Conductor(plan=plan, stations={"barn": barn, "field": field_1}, wires=wires, clocks=hands.clocks),
        barn,
        field_1,
    )


def node(boot: str, *, is_ready: bool) -> dict[str, NodeState]:
    return {"field": NodeState(name="field", is_ready=is_ready, boot=boot, version="", architecture="")}


def test_a_node_s_way_and_its_way_back(tmp_path: Path) -> None:
    hands = Hands()
    lab, barn, worker = conductor(tmp_path, hands)
    barn.boot(0)
    worker.boot(0)
    for now_s, seen, is_ready in (
        (10, {}, False), (20, node("a", is_ready=False), True), (30, node("a", is_ready=True), True)
    ):  # fmt: skip
        hands.now_s = now_s
        lab.see_nodes(seen, is_ready=is_ready)
    assert (barn.boots[0].stages[Stage.JOINED], barn.boots[0].stages[Stage.READY]) == (10, 20)
    assert (worker.boots[0].stages[Stage.JOINED], worker.boots[0].stages[Stage.READY]) == (20, 30)
    assert lab.status().is_ready
    # After a power cut the API believes for a while that nothing has happened.
    worker.boot(40)
    hands.now_s = 50
    lab.see_nodes(node("a", is_ready=True), is_ready=True)
    assert worker.boots[1].stage is None
    assert lab.status().machines[1].node == ""
    assert not lab.status().is_ready
    for now_s, seen in (
        (60, node("a", is_ready=False)),
        (70, node("b", is_ready=False)),
        (80, node("b", is_ready=True)),
    ):
        hands.now_s = now_s
        lab.see_nodes(seen, is_ready=True)
    assert (worker.boots[1].stages[Stage.JOINED], worker.boots[1].stages[Stage.READY]) == (70, 80)
    told = [(one.at_s, one.what) for one in lab.status().happenings]
    assert told == [(30, "node Ready"), (60, "node not Ready"), (80, "node Ready")]


def test_a_machine_that_is_off_has_come_nowhere(tmp_path: Path) -> None:
    hands = Hands()
    lab, barn, worker = conductor(tmp_path, hands)
    lab.see_nodes(node("a", is_ready=True), is_ready=True)
    assert [machine.stage for machine in lab.status().machines] == [None, None]
    assert (barn.boots, worker.boots) == ([], [])

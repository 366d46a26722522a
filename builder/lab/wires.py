"""The networks of a lab: a segment for each that is shared, and one for each machine behind a NAT of its own."""

from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from builder.core.errors import RecipeError
from builder.core.nearest import suggestion
from builder.lab.model import LabNetwork, NetworkKind
from builder.lab.place import LabPlace
from builder.lab.plan import Plan
from builder.vm.segment import Conditions, Segment

_BYTES_PER_KBIT = 125


class Wires:
    """All segments of `plan` while the block runs; machines may be started in it."""

    def __init__(self, plan: Plan, place: LabPlace) -> None:
        self._place = place
        self._attached: dict[str, list[tuple[str, Segment]]] = {}
        self._cut: set[tuple[str, str]] = set()
        self._stack = ExitStack()
        shared = {
            name: _segment(plan, name) for name, network in plan.networks.items() if network.kind is NetworkKind.SEGMENT
        }
        own: list[Segment] = []
        for machine in plan.machines:
            directory = place.machine(machine.name)
            for index, attached in enumerate(machine.networks):
                segment = shared.get(attached.name)
                if segment is None:
                    segment = _segment(plan, attached.name)
                    segment.attach_gate(directory, index)
                    own.append(segment)
                segment.attach(directory, index)
                self._attached.setdefault(machine.name, []).append((attached.name, segment))
        self._segments = [*shared.values(), *own]

    def cut(self, machine: str, network: str, *, is_cut: bool) -> None:
        """Lose what `machine` sends and gets, in `network` or (empty) in all; or do so no more."""
        attached = self._attached.get(machine, [])
        names = [name for name, _ in attached]
        if not names:
            raise RecipeError(f"{machine} has no network")
        if network and network not in names:
            raise RecipeError(f"{machine} is not attached to {network!r}{suggestion(network, 'networks', names)}")
        for name, segment in attached:
            if network in ("", name):
                segment.cut(self._place.machine(machine), is_cut=is_cut)
                (self._cut.add if is_cut else self._cut.discard)((machine, name))

    def cut_networks(self, machine: str) -> list[str]:
        """The networks that are cut for `machine`."""
        return sorted(network for name, network in self._cut if name == machine)

    def __enter__(self) -> Self:
        for segment in self._segments:
            self._stack.enter_context(segment)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)


def _segment(plan: Plan, name: str) -> Segment:
    return Segment(_conditions(plan.networks)[name], seed=f"{plan.name}/{name}")


def _conditions(networks: Mapping[str, LabNetwork]) -> Mapping[str, Conditions]:
    return {
        name: Conditions(
            latency_s=network.latency_ms / 1000,
            bytes_per_s=network.rate_kbit * _BYTES_PER_KBIT,
            loss=network.loss_percent / 100,
        )
        for name, network in networks.items()
    }

"""Asking a cluster from within: by a command in its controller, where no port of this computer leads to its API server."""

import base64
import shlex
from collections.abc import Mapping, Sequence

from builder.core.errors import BuilderError
from builder.lab.conduct import Conductor
from builder.lab.nodes import NodeState, node_states
from builder.lab.plan import Plan
from builder.lab.stages import ORDER, Stage

_LOOK_S = 120.0


def controller_inside(plan: Plan) -> str:
    """The controller that must be asked from within; empty where its API is reached, or there is none."""
    controllers = [one for one in plan.machines if one.role and one.role.controls]
    return next((one.name for one in controllers if not one.ssh_port and one.has_agent), "")


def kubectl_inside(arguments: Sequence[str], typed: str = "") -> str:
    """Words of a controller's shell: kubectl, which reads `typed`. Warnings are told where it fails alone: answers are JSON."""
    asked = f"kedge kubectl {shlex.join(arguments)}"
    if typed:
        asked = f"printf %s {base64.b64encode(typed.encode()).decode()} | base64 -d | {asked}"
    return f'{{ said=$({asked} 2>&1 >&3); }} 3>&1 || {{ echo "$said"; exit 1; }}'


class InsideWatch:
    """Looks at the nodes of a lab as `NodeWatch` does, by commands in the machine `name`."""

    def __init__(self, conductor: Conductor, name: str) -> None:
        self._conductor = conductor
        self._name = name

    def look(self) -> Mapping[str, NodeState] | None:
        """The nodes by name; None where nobody answers (yet)."""
        said = self._ask("/api/v1/nodes")
        return node_states(said.encode()) if said is not None else None

    def is_ready(self) -> bool:
        """Whether the API server says that all of itself is ready."""
        return self._ask("/readyz") is not None

    def close(self) -> None:
        """Nothing is open between two looks."""

    def _ask(self, path: str) -> str | None:
        station = self._conductor.station(self._name)
        stage = station.boots[-1].stage if station.boots and station.is_on else None
        if stage is None or ORDER.index(stage) < ORDER.index(Stage.FIRST_BOOT):
            return None  # there is no shell yet
        # A start of kedge for nothing would be taken from a guest that has enough to do.
        command = f"systemctl --quiet is-active 'kedge-*.service' && {kubectl_inside(['get', '--raw', path])}"
        try:
            answer = self._conductor.run(self._name, command, _LOOK_S)
        except BuilderError:
            return None
        return answer.output if answer.status == 0 else None

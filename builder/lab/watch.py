"""Looks at a lab's nodes for as long as the lab runs."""

import threading

from builder.lab.conduct import Conductor
from builder.lab.nodes import NodeWatch
from builder.lab.place import LabPlace

# Every answer is work of an emulated API server: seldom, and over one connection.
_LOOK_S = 3.0


def watch_nodes(place: LabPlace, conductor: Conductor, over: threading.Event) -> None:
    """Tell `conductor` what the API says, until `over`."""
    watch = NodeWatch(place.kubeconfig)
    while not over.wait(_LOOK_S):
        if (seen := watch.look()) is not None:
            # Once it is ready nothing more is asked of it.
            conductor.see_nodes(seen, is_ready=conductor.controls_are_ready() or watch.is_ready())
    watch.close()

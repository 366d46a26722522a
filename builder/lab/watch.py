"""Looks at a lab's nodes for as long as the lab runs."""

import threading
import time

from builder.lab.conduct import Conductor
from builder.lab.inside import InsideWatch, controller_inside
from builder.lab.nodes import NodeWatch
from builder.lab.place import LabPlace

# Every answer is work of an emulated API server: seldom, over one connection, and the seldomer the longer it takes.
_LOOK_S, _SELDOM_S = 3.0, 30.0
_SHARE = 4


def watch_nodes(place: LabPlace, conductor: Conductor, over: threading.Event) -> None:
    """Tell `conductor` what the API says, until `over`."""
    inside = controller_inside(conductor.plan)
    watch = InsideWatch(conductor, inside) if inside else NodeWatch(place.kubeconfig)
    pause_s = _LOOK_S
    while not over.wait(pause_s):
        began_s = time.monotonic()
        if (seen := watch.look()) is not None:
            # Once it is ready nothing more is asked of it.
            conductor.see_nodes(seen, is_ready=conductor.controls_are_ready() or watch.is_ready())
        pause_s = min(max(_LOOK_S, _SHARE * (time.monotonic() - began_s)), _SELDOM_S)
    watch.close()

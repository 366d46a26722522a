"""The process that a lab's machines live in: it outlives the command that started it, and no machine outlives it.

Started as `python -m builder.lab.supervisor DIRECTORY`, in a session of its own and in the lab's directory. A leash
(`builder.io.leash`) ends every QEMU however this process ends.
"""

import json
import os
import socket
import sys
import threading
import time
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path

from builder.core.errors import BuilderError
from builder.exec.signals import cancel_on_signals
from builder.io.cancel import CancelToken
from builder.io.files import atomic_write
from builder.io.leash import Leash
from builder.io.locks import open_lock, release, try_acquire
from builder.io.procfs import read_stat
from builder.io.sockets import short_path
from builder.io.spawn import Runner
from builder.lab.conduct import Conductor
from builder.lab.place import CONTROL, LabPlace
from builder.lab.plan import Plan, read_plan
from builder.lab.serve import serve
from builder.lab.station import Clocks, Station, bench_of, setup_of
from builder.lab.watch import watch_nodes
from builder.lab.wires import Wires

_POLL_S = 0.2
_PRIVATE = 0o077


def main(directory: Path) -> int:
    """Supervise the lab in `directory` until somebody ends it."""
    os.umask(_PRIVATE)
    place = LabPlace(path=directory)
    lock = open_lock(place.running)
    if not try_acquire(lock):
        sys.stderr.write(f"{directory} has a supervisor already\n")
        return 1
    try:
        supervise(place, read_plan(place.plan))
    finally:
        release(lock)
    return 0


def supervise(place: LabPlace, plan: Plan) -> None:
    """Answer at the control socket, and end all machines when asked to, or by a signal."""
    began_s = time.monotonic()
    clocks = Clocks(lab_s=lambda: time.monotonic() - began_s, utc=lambda: datetime.now(UTC))
    cancel = CancelToken()
    with ExitStack() as stack:
        stack.enter_context(cancel_on_signals(cancel))
        leash = stack.enter_context(Leash())
        wires = stack.enter_context(Wires(plan, place))
        runner = Runner(log=place.log, cancel=cancel, leash=leash)
        stations = {
            planned.name: Station(
                planned, setup_of(plan, planned), bench_of(plan, place.machine(planned.name), runner), clocks
            )
            for planned in plan.machines
        }
        conductor = Conductor(plan=plan, stations=stations, wires=wires, clocks=clocks)
        stack.callback(_end, stations)
        listener = stack.enter_context(_listener(place))
        over = threading.Event()
        stack.callback(over.set)
        if place.kubeconfig.exists():
            watch = threading.Thread(target=watch_nodes, args=(place, conductor, over), name="nodes", daemon=True)
            watch.start()
        while not cancel.is_set():
            _write_state(place, stations)
            with suppress(TimeoutError):
                connection, _ = listener.accept()
                arguments = (connection, conductor, cancel)
                threading.Thread(target=serve, args=arguments, name="request", daemon=True).start()


def _listener(place: LabPlace) -> socket.socket:
    """Where requests arrive. A socket that a dead supervisor has left is replaced: the lock says that it is dead."""
    (place.path / CONTROL).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with short_path(place.path) as short:
        listener.bind(f"{short}/{CONTROL}")
    listener.listen()
    listener.settimeout(_POLL_S)
    return listener


def _end(stations: dict[str, Station]) -> None:
    """End all machines, side by side: each may take seconds to close its disk."""
    ends = [threading.Thread(target=_end_one, args=(station,)) for station in stations.values()]
    for end in ends:
        end.start()
    for end in ends:
        end.join()


def _end_one(station: Station) -> None:
    with suppress(BuilderError):
        station.switch_off(at_once=False)


def _write_state(place: LabPlace, stations: dict[str, Station]) -> None:
    """Which processes there are; written when that has changed."""
    pids = {"supervisor": os.getpid(), **{name: station.pid for name, station in stations.items()}}
    found = {
        name: {"pid": pid, "start_ticks": stat.start_ticks}
        for name, pid in pids.items()
        if pid and (stat := read_stat(pid))
    }
    data = f"{json.dumps(found, indent=1)}\n".encode()
    if not place.state.exists() or place.state.read_bytes() != data:
        atomic_write(place.state, data, mode=0o600)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

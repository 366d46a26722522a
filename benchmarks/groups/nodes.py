"""Fifty hollow nodes on one controller: what its processes take."""

import time
from collections.abc import Mapping

from benchmarks.groups.idle import processes
from benchmarks.procfs import cpu_s
from benchmarks.report import Figure, Report, Table, Unit, format_value
from benchmarks.setting import Setting
from benchmarks.smaps import Usage, usage_of
from benchmarks.stats import Series, tell
from builder.core.arch import host_arch
from tests.integration.conformance.hollow import hollow_nodes, ready_nodes
from tests.integration.conformance.upstream import built_hollow_node
from tests.integration.controller.controller import place, running_controller

_NODES = 50
_WARM_UP_S = 60
_MEASURED_S = 120


def measure(setting: Setting) -> Report:
    """One controller, all nodes at once, and a while in which nothing happens but their heartbeats."""
    with setting.place() as root:
        kedge = setting.built_kedge(root)
        directory = root / "c"
        directory.mkdir()
        hollow = built_hollow_node(root)
        where = place(kedge, directory)
        with running_controller(where) as controller, hollow_nodes(hollow, controller, _NODES):
            tell(f"{_NODES} nodes: {_WARM_UP_S} s to warm up, {_MEASURED_S} s measured")
            time.sleep(_WARM_UP_S)
            pids = processes(controller)
            before = {name: cpu_s(pid) for name, pid in pids.items()}
            time.sleep(_MEASURED_S)
            cpu = {name: (cpu_s(pid) - before[name]) / _MEASURED_S for name, pid in pids.items()}
            usages = {name: usage_of(pid) for name, pid in pids.items()}
            return report(usages, cpu, ready=len(ready_nodes(controller)))


def report(usages: Mapping[str, Usage], cpu: Mapping[str, float], *, ready: int) -> Report:
    """`cpu` is in cores."""
    rows = [
        (
            name,
            *(format_value(getattr(usage, each), Unit.BYTES) for each in ("anonymous", "pss")),
            f"{100 * cpu[name]:.1f} %",
        )
        for name, usage in usages.items()
    ]
    together = [
        format_value(sum(getattr(usage, each) for usage in usages.values()), Unit.BYTES)
        for each in ("anonymous", "pss")
    ]
    return Report(
        group="nodes",
        figures=[
            Figure(name="hollow nodes that are not ready", limit=0, unit=Unit.COUNT, series=Series.of(_NODES - ready)),
        ],
        tables=[
            Table(
                title=f"A controller with {_NODES} hollow nodes",
                columns=("process", "anonymous", "Pss", "of one core"),
                rows=[*rows, ("together", *together, f"{100 * sum(cpu.values()):.1f} %")],
            )
        ],
        notes=[
            f"{host_arch()}, SQLite. Nodes are upstream's kubelet on a runtime that pretends; they joined with a token.",
            f"After {_WARM_UP_S} s, over {_MEASURED_S} s: heartbeats, and nothing else. The nodes compute on the same machine.",
        ],
    )

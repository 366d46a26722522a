"""A worker without its controller for an hour: whether its memory grows."""

import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.groups.separation import anonymous, separated
from benchmarks.report import Figure, Measurement, Report, Unit
from benchmarks.setting import Setting
from benchmarks.stats import Series, tell
from builder.core.arch import host_arch
from tests.integration.worker.lab import Lab, Node
from tests.integration.worker.pods import pod
from tests.integration.worker.separated import cable

_PODS = 5
_SETTLE_S = 600
_HOUR_S = 3600
_EVERY_S = 60
# Promised.
_GROWTH_BYTES_PER_HOUR = 1_000_000

# Seconds, and bytes of memory of all processes but shims.
Looks = Sequence[tuple[float, int]]


def measure(setting: Setting) -> Report:
    """One controller, one worker with five pods, and no cable between them."""
    with separated(setting) as (lab, bundle):
        return report(_run(lab, bundle))


def _run(lab: Lab, bundle: Path) -> Looks:
    node = lab.node(0, f"--token-file={lab.token()}")
    node.add_bundle(bundle)
    with node.running() as daemon:
        node.wait_until_ready(daemon)
        names = [f"runs{number}" for number in range(_PODS)]
        lab.apply(*[pod(name, node="edge1") for name in names])
        lab.wait_for_pods(f"app in ({','.join(names)})", _PODS)
        cable(lab, "down")
        tell(f"without its controller: {_SETTLE_S} s to settle, {_HOUR_S} s measured")
        time.sleep(_SETTLE_S)
        return _looks(node)


def _looks(node: Node) -> Looks:
    began_s = time.monotonic()
    looks: list[tuple[float, int]] = []
    for at_s in range(0, _HOUR_S + 1, _EVERY_S):
        time.sleep(max(0, began_s + at_s - time.monotonic()))
        pids = {node.status()["pid"], *node.pids().values()}
        looks.append((at_s, anonymous(node, sorted(pids))))
    return looks


def report(looks: Looks) -> Report:
    """What is promised, and what it was. Growth is a line's, so that one look does not decide."""
    slope, _ = statistics.linear_regression([at_s for at_s, _ in looks], [size for _, size in looks])
    return Report(
        group="alone",
        figures=[
            Figure(
                name="growth in an hour alone",
                limit=_GROWTH_BYTES_PER_HOUR,
                unit=Unit.BYTES,
                series=Series.of(slope * _HOUR_S),
            ),
        ],
        measurements=[
            Measurement(
                name="anonymous memory, all processes but shims",
                unit=Unit.BYTES,
                series=Series(values=tuple(size for _, size in looks)),
            ),
        ],
        notes=[
            f"{host_arch()}, machines out of namespaces, {_PODS} pods, with the cable out.",
            f"A line through {_HOUR_S // 60} minutes, the first of them {_SETTLE_S // 60} minutes after the cable was pulled.",
        ],
    )

"""A worker whose components are answered by kedge: what that takes, and what becomes of it while no controller answers."""

import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import Figure, Measurement, Report, Unit
from benchmarks.setting import Setting
from benchmarks.smaps import read_rollup
from benchmarks.stats import Series, tell
from builder.app.make import make_artifacts
from builder.app.session import Session, Settings
from builder.app.wanted import Wanted
from builder.core.arch import host_arch
from builder.core.output import Output
from tests.integration.worker.lab import Lab, Node, running_lab
from tests.integration.worker.pods import pod

_RECIPE = "tests/integration/worker/recipe.yaml"
_LISTER = Path(__file__).with_name("lister.py")
_PODS = 5
# Those of other nodes, which wait for one.
_WAITING = 300
_SETTLE_S = 60
_IDLE_S = 240
_AWAY_SETTLE_S = 600
_AWAY_S = 3600
_EVERY_S = 60
_ROUNDS = 60
_HOUR_S = 3600
# Promised.
_LATENCY_TIMES = 1.03
_WRITTEN_BYTES_PER_S = 200
_GROWTH_BYTES_PER_HOUR = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Seconds of lists, asked in turn; `away` is bytes of memory of all processes, each with its second."""

    direct_s: Sequence[float]
    answered_s: Sequence[float]
    listed_bytes: int
    written_bytes_per_s: float
    kedge_bytes: int
    away: Sequence[tuple[float, int]]
    away_kedge_bytes: int


def measure(setting: Setting) -> Report:
    """One controller, one worker with five pods, and as many as wait for a node."""
    with setting.place() as root, Session(setting.project, Settings()) as session:
        kedge = setting.built_kedge(root)
        wanted = Wanted(archs=(host_arch(),), outputs=(Output.BUNDLE,))
        make_artifacts(session, session.project.open(_RECIPE), wanted, root / "bundle")
        (bundle,) = (root / "bundle").rglob("*.tar")
        directory = root / "lab"
        directory.mkdir()
        with running_lab(kedge, directory, ("edge1",)) as lab:
            return report(_run(lab, bundle))


def _run(lab: Lab, bundle: Path) -> Course:
    node = lab.node(0, f"--token-file={lab.token()}")
    node.add_bundle(bundle)
    with node.running() as daemon:
        node.wait_until_ready(daemon)
        lab.apply(*[pod(f"runs{number}", node="edge1") for number in range(_PODS)])
        lab.apply(*[pod(f"waits{number}", schedulerName="none") for number in range(_WAITING)])
        lab.wait_for_pods(f"app in ({','.join(f'runs{number}' for number in range(_PODS))})", _PODS)
        lists = _lists(node)
        tell(f"{_SETTLE_S} s to settle, {_IDLE_S} s measured")
        time.sleep(_SETTLE_S)
        before = _written(node)
        time.sleep(_IDLE_S)
        written = (_written(node) - before) / _IDLE_S
        own = _anonymous(node, [node.status()["pid"]])
        lab.hub.run("ip", "link", "set", "to-edge1", "down")
        tell(f"without its controller: {_AWAY_SETTLE_S} s to settle, {_AWAY_S} s measured")
        time.sleep(_AWAY_SETTLE_S)
        looks = _looks(node)
        return Course(
            direct_s=lists["direct"],
            answered_s=lists["answered"],
            listed_bytes=int(lists["bytes"][0]),
            written_bytes_per_s=written,
            kedge_bytes=own,
            away=looks,
            away_kedge_bytes=_anonymous(node, [node.status()["pid"]]),
        )


def _lists(node: Node) -> dict[str, list[float]]:
    """Every pod of the cluster, asked for as the node: of the API server, and of kedge."""
    configs = ("/var/lib/kedge/worker/node.conf", "/run/kedge/node/api.conf")
    answer = node.machine.run(sys.executable, "-P", _LISTER, "/api/v1/pods", str(_ROUNDS), *configs)
    found: dict[str, list[float]] = json.loads(answer)
    return found


def _looks(node: Node) -> list[tuple[float, int]]:
    began_s = time.monotonic()
    looks: list[tuple[float, int]] = []
    for at_s in range(0, _AWAY_S + 1, _EVERY_S):
        time.sleep(max(0, began_s + at_s - time.monotonic()))
        pids = {node.status()["pid"], *node.pids().values()}
        looks.append((at_s, _anonymous(node, sorted(pids))))
    return looks


def _anonymous(node: Node, pids: Sequence[int]) -> int:
    return sum(read_rollup(node.machine.run("cat", f"/proc/{pid}/smaps_rollup")).anonymous for pid in pids)


def _written(node: Node) -> int:
    """The length of all files of what was seen, to which changes are added. They are written anew only as they grow."""
    return sum(file.stat().st_size for file in (node.machine.data / "worker" / "seen").iterdir())


def report(course: Course) -> Report:
    """What is promised, and what it was."""
    slope, _ = statistics.linear_regression([at_s for at_s, _ in course.away], [size for _, size in course.away])
    direct, answered = Series(values=tuple(course.direct_s)), Series(values=tuple(course.answered_s))
    times = Series.of(answered.median / direct.median)
    growth = Series.of(slope * _HOUR_S)
    written = Series.of(course.written_bytes_per_s)
    return Report(
        group="separation",
        figures=[
            Figure(name="a list through kedge, times one without", limit=_LATENCY_TIMES, unit=Unit.TIMES, series=times),
            Figure(name="written per second, idle", limit=_WRITTEN_BYTES_PER_S, unit=Unit.BYTES, series=written),
            Figure(name="growth in an hour alone", limit=_GROWTH_BYTES_PER_HOUR, unit=Unit.BYTES, series=growth),
        ],
        measurements=[
            Measurement(name="list through kedge", unit=Unit.SECONDS, series=answered),
            Measurement(name="list of the API server", unit=Unit.SECONDS, series=direct),
            _memory("kedge's own process, in contact", course.kedge_bytes),
            _memory("kedge's own process, alone", course.away_kedge_bytes),
            _memory("all processes but shims, alone", course.away[-1][1]),
        ],
        notes=[
            f"{host_arch()}, machines out of namespaces, SQLite, {_PODS} pods, and {_WAITING} that no node has.",
            f"A list is every pod, {course.listed_bytes} bytes of JSON, compressed on its way.",
            f"Lists: {len(direct.values)} rounds with pauses.",
            f"Alone is with the cable out, and growth that of all processes but shims, in {_AWAY_S // 60} minutes.",
        ],
    )


def _memory(name: str, size_bytes: int) -> Measurement:
    return Measurement(name=f"anonymous memory, {name}", unit=Unit.BYTES, series=Series.of(size_bytes))

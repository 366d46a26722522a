"""A worker whose components are answered by kedge: what that takes, and how soon its pods run without a controller."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
from tests.integration.worker.separated import APPS, objects, running_containers, started_again

RECIPE = "tests/integration/worker/recipe.yaml"
_ROUNDS = 3
_SETTLE_S = 60
_IDLE_S = 240
_EVERY_S = 10
# Promised.
_START_TIMES = 1.5
_WRITTEN_BYTES_PER_S = 200
_PROXY_BYTES = 8_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Seconds until all pods ran after power was cut, in turn, and bytes of kedge's own process, every so often."""

    with_controller_s: Sequence[float]
    alone_s: Sequence[float]
    written_bytes_per_s: float
    joined_bytes: Sequence[float]
    unjoined_bytes: Sequence[float]


def measure(setting: Setting) -> Report:
    """One controller, one worker with a few pods, and one that never finds the controller."""
    with separated(setting) as (lab, bundle):
        return report(_run(lab, bundle, setting.rounds or _ROUNDS))


@contextmanager
def separated(setting: Setting) -> Iterator[tuple[Lab, Path]]:
    """A controller, two machines that have not joined, and a bundle of what their pods run."""
    with setting.place() as root, Session(setting.project, Settings()) as session:
        kedge = setting.built_kedge(root)
        wanted = Wanted(archs=(host_arch(),), outputs=(Output.BUNDLE,))
        make_artifacts(session, session.project.open(RECIPE), wanted, root / "bundle")
        (bundle,) = (root / "bundle").rglob("*.tar")
        directory = root / "lab"
        directory.mkdir()
        with running_lab(kedge, directory, ("edge1", "edge2")) as lab:
            yield lab, bundle


def _run(lab: Lab, bundle: Path, rounds: int) -> Course:
    node = lab.node(0, f"--token-file={lab.token()}")
    node.add_bundle(bundle)
    with node.running() as daemon:
        node.wait_until_ready(daemon)
        lab.apply(*objects())
        lab.wait_for("all pods run", lambda: _all_run(node))
        tell(f"{_SETTLE_S} s to settle, {_IDLE_S} s measured")
        time.sleep(_SETTLE_S)
        before = _written(node)
        joined = _looks(node)
        written = (_written(node) - before) / _IDLE_S
    took_s: dict[str, list[float]] = {"up": [], "down": []}
    for _ in range(rounds):
        for state, all_s in took_s.items():
            all_s.append(_start(lab, node, state))
            tell(f"all pods run after {all_s[-1]:.1f} s, cable {state}")
    return Course(
        with_controller_s=took_s["up"],
        alone_s=took_s["down"],
        written_bytes_per_s=written,
        joined_bytes=joined,
        unjoined_bytes=_unjoined(lab),
    )


def _all_run(node: Node) -> bool:
    return set(running_containers(node)) == set(APPS)


def _start(lab: Lab, node: Node, state: str) -> float:
    """Seconds from the start of kedge on a machine whose power was cut until all pods run."""
    with started_again(lab, node, state) as again:
        began_s = time.monotonic()
        with again.running() as daemon:
            again.wait_for(lambda: _all_run(again), what="running all pods", daemon=daemon)
            took_s = time.monotonic() - began_s
            time.sleep(_EVERY_S)  # what was seen is on the disk after five
            return took_s


def _unjoined(lab: Lab) -> list[float]:
    """Of a worker that knows its controller, but never hears of it."""
    lab.hub.run("ip", "link", "set", "to-edge2", "down")
    node = lab.node(1, f"--token-file={lab.token()}")
    with node.running() as daemon:
        node.wait_for(lambda: bool(node.status().get("pid")), what="asked for its status", daemon=daemon)
        time.sleep(_SETTLE_S)
        return _looks(node)


def _looks(node: Node) -> list[float]:
    looks: list[float] = []
    for _ in range(_IDLE_S // _EVERY_S):
        time.sleep(_EVERY_S)
        looks.append(anonymous(node, [node.status()["pid"]]))
    return looks


def anonymous(node: Node, pids: Sequence[int]) -> int:
    """Bytes of memory that are of no file, of processes with these numbers within the machine."""
    return sum(read_rollup(node.machine.run("cat", f"/proc/{pid}/smaps_rollup")).anonymous for pid in pids)


def _written(node: Node) -> int:
    """The length of all files of what was seen, to which changes are added. They are written anew only as they grow."""
    return sum(file.stat().st_size for file in (node.machine.data / "worker" / "seen").iterdir())


def report(course: Course) -> Report:
    """What is promised, and what it was."""
    alone, usual = Series(values=tuple(course.alone_s)), Series(values=tuple(course.with_controller_s))
    joined, unjoined = Series(values=tuple(course.joined_bytes)), Series(values=tuple(course.unjoined_bytes))
    proxy = Series.of(joined.median - unjoined.smallest)
    written = Series.of(course.written_bytes_per_s)
    return Report(
        group="separation",
        figures=[
            Figure(
                name="start alone, times one with the controller",
                limit=_START_TIMES,
                unit=Unit.TIMES,
                series=alone.over(usual),
            ),
            Figure(name="written per second, idle", limit=_WRITTEN_BYTES_PER_S, unit=Unit.BYTES, series=written),
            Figure(name="anonymous memory, the proxy at most", limit=_PROXY_BYTES, unit=Unit.BYTES, series=proxy),
        ],
        measurements=[
            Measurement(name="start of kedge to all pods running, alone", unit=Unit.SECONDS, series=alone),
            Measurement(
                name="start of kedge to all pods running, with the controller", unit=Unit.SECONDS, series=usual
            ),
            Measurement(name="anonymous memory, kedge's own process", unit=Unit.BYTES, series=joined),
            Measurement(name="anonymous memory, kedge's own process before it joins", unit=Unit.BYTES, series=unjoined),
        ],
        notes=[
            f"{host_arch()}, machines out of namespaces, SQLite; two Deployments and a DaemonSet, one pod each.",
            "Starts: the machine's power is cut, and it starts with its cable in or out, in turn.",
            "The proxy is part of kedge's own process: it takes at most what that has more than before it joins.",
            f"Idle: {_IDLE_S} s, a minute after the pods run.",
        ],
    )

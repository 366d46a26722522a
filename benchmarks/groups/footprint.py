"""What a worker takes while its pods have nothing to do, natively: memory of each process, and processor time."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.namespaced import Taken, taken_by
from benchmarks.report import Measurement, Report, Table, Unit, format_value
from benchmarks.setting import Setting
from benchmarks.stats import Series, tell
from builder.app.make import make_artifacts
from builder.app.session import Session, Settings
from builder.app.wanted import Wanted
from builder.core.arch import host_arch
from builder.core.output import Output
from tests.integration.worker.lab import Lab, Node, running_lab
from tests.integration.worker.pods import pod

_PODS = 5
_SETTLE_S, _IDLE_S = 120, 120
_BUNDLE = Path("tests/integration/worker/recipe.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """Every process of a worker after it has settled, and the seconds of processor time that each took since."""

    processes: Mapping[int, Taken]
    processor_s: Mapping[int, float]
    settled_s: float
    over_s: float


def measure(setting: Setting) -> Report:
    """A controller and one worker, in machines out of namespaces."""
    with setting.place() as root:
        kedge = setting.built_kedge(root)
        with Session(setting.project, Settings()) as session:
            bundle = made_bundle(session, root / "bundle")
        (root / "lab").mkdir()
        return report(idle_worker(kedge, bundle, root / "lab"))


def made_bundle(session: Session, out: Path) -> Path:
    """The images of the pods."""
    wanted = Wanted(archs=(session.host,), outputs=(Output.BUNDLE,))
    make_artifacts(session, session.project.open(str(session.project.root / _BUNDLE)), wanted, out)
    (found,) = out.rglob("*.tar")
    return found


def idle_worker(
    kedge: Path, bundle: Path, directory: Path, *, settle_s: float = _SETTLE_S, idle_s: float = _IDLE_S
) -> Idle:
    """A worker with pods that has been left alone for `settle_s`, watched for `idle_s`."""
    with running_lab(kedge, directory, ("edge1",)) as lab:
        node = lab.node(0, f"--token-file={lab.token()}")
        node.add_bundle(bundle)
        with node.running() as daemon:
            node.wait_until_ready(daemon)
            _run_pods(lab)
            tell(f"{_PODS} pods run; settling for {settle_s} s, watching for {idle_s} s")
            return _watched(node, settle_s, idle_s)


def _run_pods(lab: Lab) -> None:
    names = [f"idle{number}" for number in range(_PODS)]
    lab.apply(*(pod(name, "pause", node="edge1") for name in names))
    lab.wait_for_pods(f"app in ({','.join(names)})", _PODS)


def _watched(node: Node, settle_s: float, idle_s: float) -> Idle:
    time.sleep(settle_s)
    before, began_s = taken_by(node.machine), time.monotonic()
    time.sleep(idle_s)
    after, over_s = taken_by(node.machine), time.monotonic() - began_s
    lasting = {pid: after[pid].processor_s - before[pid].processor_s for pid in after if pid in before}
    return Idle(processes={pid: after[pid] for pid in lasting}, processor_s=lasting, settled_s=settle_s, over_s=over_s)


def report(idle: Idle) -> Report:
    """Sums over all processes, and a row for each name: shims have one."""
    rows = []
    for name, pids in _by_name(idle).items():
        usages = [idle.processes[pid].usage for pid in pids]
        sizes = [sum(usage.anonymous for usage in usages), sum(usage.pss for usage in usages)]
        share = sum(idle.processor_s[pid] for pid in pids) / idle.over_s
        rows.append((name, f"{len(pids)}", *(format_value(size, Unit.BYTES) for size in sizes), f"{share:.2%}"))
    usages = [taken.usage for taken in idle.processes.values()]
    return Report(
        group="footprint",
        figures=[],
        measurements=[
            Measurement(
                name="anonymous memory", unit=Unit.BYTES, series=Series.of(sum(usage.anonymous for usage in usages))
            ),
            Measurement(name="Pss", unit=Unit.BYTES, series=Series.of(sum(usage.pss for usage in usages))),
            Measurement(
                name="processor time per second",
                unit=Unit.SECONDS,
                series=Series.of(sum(idle.processor_s.values()) / idle.over_s),
            ),
        ],
        tables=[
            Table(
                title="Processes of an idle worker",
                columns=("process", "how many", "anonymous", "Pss", "of a core"),
                rows=rows,
            )
        ],
        notes=[
            f"{host_arch()}, a machine out of namespaces; {_PODS} pods that do nothing.",
            f"{idle.settled_s:.0f} s after the last pod was ready, over {idle.over_s:.0f} s.",
            "The controller on the same computer has a share of the executable's pages.",
        ],
    )


def _by_name(idle: Idle) -> dict[str, list[int]]:
    """Process ids by name, those with most memory first."""
    found: dict[str, list[int]] = {}
    for pid, taken in sorted(idle.processes.items(), key=lambda item: -item[1].usage.anonymous):
        found.setdefault(taken.name, []).append(pid)
    return found

"""What it costs a component that kedge stands between it and the API server: lists, and watches that begin with one."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import Figure, Measurement, Report, Unit
from benchmarks.setting import Setting
from benchmarks.stats import Series
from builder.core.arch import host_arch
from tests.integration.worker.lab import Lab, running_lab
from tests.integration.worker.pods import pod

_LISTER = Path(__file__).with_name("lister.py")
# As the node asks the API server, and as its components ask kedge.
_KUBECONFIGS = ("/var/lib/kedge/worker/node.conf", "/run/kedge/node/api.conf")
# They wait for a node, so that none has to run.
_PODS = 300
_ROUNDS = 25
# Promised.
_LATENCY_TIMES = 1.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Seconds of one question, asked of the API server and of kedge in turn, and the length of its answer."""

    direct: Series
    answered: Series
    size_bytes: int


def measure(setting: Setting) -> Report:
    """One controller, one worker, and pods that no node has."""
    with setting.place() as root:
        kedge = setting.built_kedge(root)
        directory = root / "lab"
        directory.mkdir()
        with running_lab(kedge, directory, ("edge1",)) as lab:
            return report(_run(lab, setting.rounds or _ROUNDS))


def _run(lab: Lab, rounds: int) -> dict[str, Course]:
    node = lab.node(0, f"--token-file={lab.token()}")
    with node.running() as daemon:
        node.wait_for(lambda: bool(node.status().get("node", {}).get("contact")), what="in contact", daemon=daemon)
        lab.apply(*[pod(f"waits{number}", schedulerName="none") for number in range(_PODS)])
        answer = node.machine.run(sys.executable, "-P", _LISTER, str(rounds), *_KUBECONFIGS)
    return {
        case: Course(
            direct=Series(values=tuple(found["direct"])),
            answered=Series(values=tuple(found["answered"])),
            size_bytes=int(found["bytes"][0]),
        )
        for case, found in json.loads(answer).items()
    }


def report(courses: Mapping[str, Course]) -> Report:
    """What is promised, and what it was. A figure is the median of the rounds' ratios."""
    json_bytes = courses["json"].size_bytes
    return Report(
        group="lists",
        figures=[
            Figure(
                name="a list through kedge, times one without",
                limit=_LATENCY_TIMES,
                unit=Unit.TIMES,
                series=courses["list"].answered.over(courses["list"].direct),
            ),
            Figure(
                name="what a watch begins with through kedge, times without",
                limit=_LATENCY_TIMES,
                unit=Unit.TIMES,
                series=courses["watch"].answered.over(courses["watch"].direct),
            ),
        ],
        measurements=[
            *_both("a list", courses["list"]),
            *_both("what a watch begins with", courses["watch"]),
            *_both("a list in JSON", courses["json"]),
        ],
        notes=[
            f"{host_arch()}, machines out of namespaces, SQLite, {_PODS} pods that wait for a node.",
            f"Told, and packed by gzip on its way: {courses['list'].size_bytes} bytes of protobuf, or {json_bytes} of JSON.",
            "Nearly all components ask for protobuf, and begin with a watch that tells the same as a list.",
            "Asked in turn on connections that are open, with a pause before each: no component lists again and again.",
        ],
    )


def _both(name: str, course: Course) -> Sequence[Measurement]:
    direct, answered = f"{name}, of the API server", f"{name}, through kedge"
    return [
        Measurement(name=answered, unit=Unit.SECONDS, series=course.answered, against=direct),
        Measurement(name=direct, unit=Unit.SECONDS, series=course.direct),
    ]

"""A worker of 256 MB on armv7 with ten pods, in QEMU: what its processes take, and how long it takes to run the first pod."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.report import Figure, Measurement, Report, Table, Unit, format_value
from benchmarks.setting import Setting
from benchmarks.stats import Series, tell
from builder.app.session import Session, Settings
from builder.core.arch import host_arch
from builder.core.resources import KIB, MIB
from builder.io.leash import Leash
from builder.io.spawn import Runner
from tests.integration.controller.controller import Controller
from tests.qemu.lab import Lab, open_lab
from tests.qemu.workers import (
    WORKLOADS,
    Worker,
    get,
    is_ready,
    made,
    measured,
    messages,
    reachable_controller,
    started_worker,
    wait,
)

_WORKER = Worker(name="armv7", board="generic-armv7", machine="virt-armv7", memory_mib=256)
_PODS = 10
_USERSPACE, _READY = "userspace", "the node is Ready"
_SETTLE_S = 1800
# Promised: of all of kedge's processes, shims among them; and Ready, times the time to userspace.
_ANONYMOUS_BYTES = 85 * MIB
_READY_TIMES = 2.5
_MOMENTS = {
    _USERSPACE: "system-began",
    "all that starts at boot": "system-started",
    "kedge worker": "unit-began",
    "kedge worker, ready": "unit-ready",
}
_PROCESS = re.compile(r"((?:\w+=\d+ )+)(.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What a process is, and bytes of memory: its own, swapped out or not, and with its share of what others have too."""

    name: str
    anonymous: int
    pss: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Seconds since the machine was turned on, at the end what it said and when, and how many pods were evicted by then."""

    times_s: Mapping[str, float]
    said: Mapping[str, str]
    ended_s: float
    evicted: int


def measure(setting: Setting) -> Report:
    """One machine, from turning it on until it has run ten pods for half an hour."""
    with setting.place() as place, Session(setting.project, Settings()) as session, Leash() as leash:
        lab = open_lab(session, Runner(log=place / "tools.log", leash=leash), place)
        return report(_run(lab))


def _run(lab: Lab) -> Course:
    device = made(lab, _WORKER)
    with reachable_controller(lab, lab.executable(host_arch())) as controller:
        controller.applied("apply", f"--filename={WORKLOADS / 'ten.yaml'}")
        with started_worker(lab, device, controller, _WORKER) as machine:
            began_s = time.monotonic()
            times_s: dict[str, float] = {}

            def note(name: str, is_so: Callable[[], bool]) -> None:
                wait(controller, is_so, what=name)
                times_s[name] = time.monotonic() - began_s
                tell(f"{name}: {times_s[name]:.0f} s")

            note(_READY, lambda: is_ready(controller, _WORKER.name))
            note("first pod Running", lambda: _running(controller) > 0)
            note("all pods Running", lambda: _running(controller) == _PODS)
            time.sleep(_SETTLE_S)
            evicted = len(messages(controller, "Evicted"))
            said = measured(machine)
            return Course(times_s=times_s, said=said, ended_s=time.monotonic() - began_s, evicted=evicted)


def _running(controller: Controller) -> int:
    return sum(pod["status"]["phase"] == "Running" for pod in get(controller, "pods").get("items", []))


def processes(said: Mapping[str, str]) -> list[Process]:
    """Those that a worker told of, the largest first."""
    found = []
    for name, value in said.items():
        match = _PROCESS.fullmatch(value)
        if name.startswith("process.") and match:
            kib = {key: int(number) for key, _, number in (word.partition("=") for word in match[1].split())}
            found.append(
                Process(
                    name=_named(match[2].split()),
                    anonymous=(kib["Anonymous"] + kib["Swap"]) * KIB,
                    pss=kib["Pss"] * KIB,
                )
            )
    return sorted(found, key=lambda one: -one.anonymous)


def _named(words: list[str]) -> str:
    program = words[0].rpartition("/")[2]
    return f"{program} {words[1]}" if program == "kedge" and len(words) > 1 else program


def moments_s(course: Course) -> Mapping[str, float]:
    """What the machine's clock and this one say, as seconds since power-on: the kernel's clock begins behind the firmware."""
    firmware_s = course.ended_s - float(course.said["now"])
    moments = {name: firmware_s + int(course.said[key]) / 1e6 for name, key in _MOMENTS.items()}
    return {"kernel": firmware_s, **moments, **course.times_s}


def report(course: Course) -> Report:
    """What is promised, what it took, and every process."""
    found = processes(course.said)
    moments = moments_s(course)
    killed = int(course.said["killed"])
    ready = Series.of(moments[_READY] / moments[_USERSPACE])
    whole = Series.of(sum(one.anonymous for one in found))
    rows = [(one.name, *(format_value(size, Unit.BYTES) for size in (one.anonymous, one.pss))) for one in found]
    return Report(
        group="worker",
        figures=[
            Figure(name="anonymous memory, 10 pods", limit=_ANONYMOUS_BYTES, unit=Unit.BYTES, series=whole),
            Figure(name="killed for lack of memory", limit=0, unit=Unit.COUNT, series=Series.of(killed)),
            Figure(name="evicted", limit=0, unit=Unit.COUNT, series=Series.of(course.evicted)),
            Figure(name="power-on to Ready, times userspace", limit=_READY_TIMES, unit=Unit.TIMES, series=ready),
        ],
        measurements=[
            *(
                Measurement(name=f"power-on to {name}", unit=Unit.SECONDS, series=Series.of(value))
                for name, value in moments.items()
            ),
            Measurement(name="Pss of all", unit=Unit.BYTES, series=Series.of(sum(one.pss for one in found))),
        ],
        tables=[Table(title="Processes of a worker", columns=("process", "anonymous", "Pss"), rows=rows)],
        notes=[
            f"QEMU's `virt` machine, two cores of a Cortex-A15, {_WORKER.memory_mib} MB, half of which may be compressed swap.",
            f"Worker profile `{_WORKER.profile}`; the default image.",
            f"Ten pods of one container each; measured {_SETTLE_S // 60} minutes after the last one ran.",
            "Anonymous memory counts whether it is swapped out or not. The controller runs natively on the same computer.",
        ],
    )

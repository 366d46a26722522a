"""`kedge controller`: until it is ready, against a store and an API server started by hand."""

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks.report import Figure, Measurement, Report, Unit
from benchmarks.setting import Setting
from benchmarks.stats import Series, interleave
from builder.core.arch import host_arch
from tests.integration.components.controlplane import running_control_plane
from tests.integration.components.health import OK, get, trusting_anyone
from tests.integration.components.process import wait_for
from tests.integration.controller.controller import place, started_controller

_ROUNDS = 5
_BY_HAND, _KEDGE = "kine and API server by hand", "kedge controller"


def measure(setting: Setting) -> Report:
    """Starts in turn."""
    with setting.place() as root:
        kedge = setting.built_kedge(root)
        return report(_starts(kedge, root, setting.rounds or _ROUNDS))


def _starts(kedge: Path, root: Path, rounds: int) -> dict[str, Series]:
    numbers = iter(range(2 * rounds))

    def directory() -> Path:
        made = root / f"s{next(numbers)}"
        made.mkdir()
        return made

    def by_hand() -> float:
        return _until(running_control_plane(kedge, directory()))

    def controller() -> float:
        return _until_ready(kedge, directory())

    return interleave({_BY_HAND: by_hand, _KEDGE: controller}, rounds)


def _until(plane: AbstractContextManager[object]) -> float:
    began_s = time.monotonic()
    with plane:
        return time.monotonic() - began_s


def _until_ready(kedge: Path, directory: Path) -> float:
    where = place(kedge, directory)
    url = f"https://127.0.0.1:{where.api_port}/readyz"
    began_s = time.monotonic()
    with started_controller(where) as controller:
        wait_for(controller.daemon, lambda: get(url, trusting_anyone()).status == OK, what="ready")
        return time.monotonic() - began_s


def report(starts: Mapping[str, Series]) -> Report:
    """`starts` has the seconds of both ways to start."""
    return Report(
        group="controller",
        figures=[
            Figure(
                name="ready, times by hand", limit=1.3, unit=Unit.TIMES, series=starts[_KEDGE].over(starts[_BY_HAND])
            ),
        ],
        measurements=[
            Measurement(name=name, unit=Unit.SECONDS, series=series, against="" if name == _BY_HAND else _BY_HAND)
            for name, series in starts.items()
        ],
        notes=[f"{host_arch()}, SQLite. Ready: /readyz answers, certificates made on the way in both cases."],
    )

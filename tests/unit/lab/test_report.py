"""Reports of scenarios: whatever machines said, they can be read, and stay small."""

import xml.etree.ElementTree as ET

from builder.core.arch import Arch
from builder.fleet.role import Role
from builder.lab.report.html import format_duration, timeline_page
from builder.lab.report.junit import junit_xml
from builder.lab.result import Failure, ScenarioResult, StepResult, failure_lines
from builder.lab.stages import Stage
from builder.lab.status import BootStatus, Happening, LabStatus, MachineStatus

HOSTILE = '<script>alert("x")</script>\x1b[31m\x00\ufffe'


def machine(name: str) -> MachineStatus:
    return MachineStatus(
        name=name, role=Role.WORKER, kind="PC", arch=Arch.AMD64, is_on=True, pid=1, stage=Stage.READY, since_s=1.0, trouble="",
        cut=(), node="Ready", ssh_port=0, failure="",
    )  # fmt: skip


def result(console: tuple[str, ...] = (HOSTILE,), machines: int = 3) -> ScenarioResult:
    names = [f"field-{number}" for number in range(machines)]
    boots = tuple(
        BootStatus(
            machine=name, number=1, began_s=index * 5.0, ended_s=None, trouble="",
            stages={stage: index * 5.0 + 10 * at for at, stage in enumerate(Stage, 1)},
        )
        for index, name in enumerate(names)
    )  # fmt: skip
    lab = LabStatus(
        name="x", title="", now_s=120.0, is_ready=True, machines=tuple(map(machine, names)), boots=boots,
        happenings=(Happening(at_s=80, machine="field-1", what=HOSTILE),),
    )  # fmt: skip
    failure = Failure(machine="field-0", expected=HOSTILE, found=(HOSTILE,), console=console)
    steps = (
        StepResult(number=1, what="boot all", began_s=0, took_s=70),
        StepResult(number=2, what=HOSTILE, began_s=70, took_s=40, failure=failure),
    )
    return ScenarioResult(name="x", file="x.yaml", title=HOSTILE, took_s=125, steps=steps, not_run=2, lab=lab)


def test_the_page_shows_stages_and_what_went_wrong_and_nothing_runs_in_it() -> None:
    page = timeline_page([result()])
    assert "<script" not in page
    assert page.count("<rect") == 2 + 3 * (1 + len(Stage))
    assert "field-0: ready, 60 s after power-on" in page
    assert "the last lines of its console" in page
    assert "2 more steps were not run" in page
    assert "0 passed" in page


def test_the_page_stays_below_a_megabyte() -> None:
    loud = result(console=("x" * 100_000,) * 20)
    assert len(timeline_page([loud] * 20).encode()) < 1 << 20


def test_junit_counts_and_can_be_parsed() -> None:
    good = result().model_copy(update={"steps": result().steps[:1], "not_run": 0})
    broken = good.model_copy(update={"steps": (), "error": f"no lab\n{HOSTILE}"})
    root = ET.fromstring(junit_xml([result(), good, broken]))  # noqa: S314 - ours
    counted = [tuple(suite.get(key) for key in ("tests", "failures", "errors", "skipped")) for suite in root]
    assert counted == [("4", "1", "0", "2"), ("1", "0", "0", "0"), ("0", "0", "1", "0")]
    message = root.findtext("testsuite/testcase/failure")
    assert message is not None
    assert "machine: field-0" in message


def test_a_failure_names_step_machine_expectation_and_console() -> None:
    assert failure_lines(result(("one", "two")).steps[1])[1:] == [
        "machine: field-0", f"expected: {HOSTILE}", f"found: {HOSTILE}", "the last lines of field-0's console:", "  one", "  two"
    ]  # fmt: skip


def test_durations() -> None:
    assert [format_duration(seconds) for seconds in (0.26, 7.4, 59.9, 60, 252)] == [
        "0.3 s", "7 s", "60 s", "1 min 0 s", "4 min 12 s"
    ]  # fmt: skip

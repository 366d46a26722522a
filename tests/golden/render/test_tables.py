"""Results on stdout: the plan and the report of the doctor."""

import json
from collections.abc import Callable
from typing import Any

from builder.app.doctor.report import Report, missing, ok, warning
from builder.cli.render.error import render_error
from builder.cli.render.plan import plan_json, render_plan
from builder.cli.render.report import render_report
from builder.core.errors import RecipeError
from builder.core.resources import GIB, Resources
from builder.plan.plan import Action, Plan, PlannedStep
from builder.steps.context import StepContext
from builder.steps.step import Step, StepKind

Golden = Callable[[str, str], None]


def _nothing(_input: str, _context: StepContext) -> None:
    """Steps of a plan that is only shown."""


def _step(step_id: str, **needs: Step[Any]) -> Step[str]:
    kind = StepKind(name="sample", version=1, run=_nothing)
    return Step(id=step_id, kind=kind, input=step_id, needs=needs, resources=Resources(cores=2, memory_bytes=GIB))


def _plan() -> Plan:
    go = _step("toolchain/go")
    modules = _step("edge/modules", go=go)
    armv7 = _step("edge/armv7/executable", go=go, modules=modules)
    unused = _step("toolchain/zig-0.17.1")
    rows = (
        (unused, Action.UNNEEDED, "not needed: all that uses it is cached", None),
        (go, Action.CACHED, "cached", 20.0),
        (modules, Action.RUN, "input changed: cluster/go.mod", None),
        (armv7, Action.RUN, "depends on edge/modules, which changed", 254.0),
    )
    steps = tuple(PlannedStep(step=one, action=action, reason=why, estimate_s=s) for one, action, why, s in rows)
    return Plan(steps=steps, targets=(armv7,))


def test_plan(golden: Golden) -> None:
    golden("plan.txt", render_plan(_plan()))
    golden("plan.json", json.dumps(plan_json(_plan()), indent=2) + "\n")


def test_plan_without_steps() -> None:
    assert render_plan(Plan(steps=(), targets=())) == "nothing to do\n"


def test_report_of_the_doctor(golden: Golden) -> None:
    findings = (
        ok("architecture", "x86_64 (amd64)"),
        warning("kvm", "there is no /dev/kvm", "virtual machines run in emulation"),
        missing("memory", "2.0 GiB, the largest step needs 6.0 GiB", "use a larger machine"),
    )
    golden("doctor-missing.txt", render_report(Report(findings=findings)))
    golden("doctor-warning.txt", render_report(Report(findings=findings[:2])))
    golden("doctor.json", json.dumps(Report(findings=findings).to_json(), indent=2) + "\n")


def test_error_that_ends_a_command(golden: Golden) -> None:
    error = RecipeError(
        "recipes/edge.yaml has 2 mistakes",
        details=["recipes/edge.yaml:14:7: unknown key 'versoin'\ndid you mean 'version'?", "recipes/edge.yaml:20:1: x"],
        hint="builder show prints a recipe\nwith every default",
    )
    golden("error.txt", render_error(error))

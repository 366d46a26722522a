"""A plan for people and for pipelines."""

from typing import TYPE_CHECKING

from builder.cli.render.table import render_table
from builder.cli.render.text import format_bound, format_estimate
from builder.core.digest import Json

if TYPE_CHECKING:
    from builder.plan.plan import Plan, PlannedStep

PLAN_VERSION = 1

_SYMBOLS = {"run": "+", "cached": "=", "unneeded": "-"}
_WORDS = {"run": "to run", "cached": "cached", "unneeded": "not needed"}


def render_plan(plan: "Plan") -> str:
    """One line per step (`+` runs, `=` is cached, `-` is not needed) with the reason, then the sums."""
    rows = [(_SYMBOLS[one.action], one.step.id, _estimate(one), one.reason) for one in plan.steps]
    table = render_table(("", "step", "estimate", "reason"), rows, right={"estimate"}) if rows else ""
    return f"{table}{_sums(plan)}\n"


def plan_json(plan: "Plan") -> dict[str, Json]:
    """The wire form of `plan`; `version` rises only when a field changes its meaning or goes away."""
    return {
        "version": PLAN_VERSION,
        "targets": [step.id for step in plan.targets],
        "steps": [_step_json(planned) for planned in plan.steps],
    }


def _step_json(planned: "PlannedStep") -> dict[str, Json]:
    step = planned.step
    return {
        "id": step.id,
        "key": step.key,
        "action": planned.action.value,
        "reason": planned.reason,
        "estimate_s": planned.estimate_s,
        "needs": {role: needed.id for role, needed in step.needs.items()},
        "cores": step.resources.cores,
        "memory_bytes": step.resources.memory_bytes,
    }


def _estimate(planned: "PlannedStep") -> str:
    if planned.action != "run" or planned.estimate_s is None:
        return ""
    return format_estimate(planned.estimate_s)


def _sums(plan: "Plan") -> str:
    """`3 to run (+), 45 cached (=); at least 4 min of work, going by earlier runs`."""
    counts = dict.fromkeys(_WORDS, 0)
    for planned in plan.steps:
        counts[planned.action] += 1
    told = [f"{number} {_WORDS[action]} ({_SYMBOLS[action]})" for action, number in counts.items() if number]
    text = ", ".join(told) or "nothing to do"
    estimates = [planned.estimate_s for planned in plan.steps if planned.action == "run"]
    known = [estimate for estimate in estimates if estimate is not None]
    if not known:
        return text
    bound = format_bound(sum(known), is_lower_bound=len(known) < len(estimates))
    return f"{text}; {bound} of work, going by earlier runs"

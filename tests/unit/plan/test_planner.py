from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from builder.core.digest import Digest
from builder.plan.plan import Action, Plan
from builder.plan.planner import LastRun, make_plan
from builder.steps.context import StepContext
from builder.steps.source import SourceFile
from builder.steps.step import Step, StepKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    text: str


def _nothing(_: Text, __: StepContext) -> None:
    """A step that makes nothing: only plans are looked at."""


KIND = StepKind(name="text", version=1, run=_nothing)


def step(name: str, text: str = "", *needs: Step[Text], source: bytes | None = None) -> Step[Text]:
    sources = {} if source is None else {"in": SourceFile(path=Path("dir/in.txt"), digest=Digest.of_bytes(source))}
    return Step(id=name, kind=KIND, input=Text(text=text), needs={one.id: one for one in needs}, sources=sources)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """A store's index that a test fills by hand."""

    keys: set[Digest] = field(default_factory=set)
    runs: dict[str, LastRun] = field(default_factory=dict)

    def present(self, keys: Collection[Digest]) -> Collection[Digest]:
        return self.keys & set(keys)

    def last_runs(self, step_ids: Collection[str]) -> Mapping[str, LastRun]:
        return {name: run for name, run in self.runs.items() if name in step_ids}

    def remember(self, *steps: Step[Text]) -> "Memory":
        for one in steps:
            self.keys.add(one.key)
            self.runs[one.id] = LastRun(facts=one.facts, duration_s=7.0)
        return self


def told(plan: Plan) -> dict[str, tuple[Action, str]]:
    return {planned.step.id: (planned.action, planned.reason) for planned in plan.steps}


def test_nothing_known_makes_everything_in_order() -> None:
    base = step("base")
    left, right = step("left", "l", base), step("right", "r", base)
    top = step("top", "t", left, right)
    plan = make_plan([top], Memory())
    names = [planned.step.id for planned in plan.steps]
    assert names == ["base", "left", "right", "top"]
    assert set(told(plan).values()) == {(Action.RUN, "never made before")}


def test_everything_present_makes_nothing() -> None:
    base = step("base")
    top = step("top", "t", base)
    assert set(told(make_plan([top], Memory().remember(base, top))).values()) == {(Action.CACHED, "cached")}


def test_what_only_cached_steps_need_is_left_alone_when_it_is_gone() -> None:
    base = step("base")
    top = step("top", "t", base)
    plan = told(make_plan([top], Memory().remember(top)))
    assert plan == {
        "base": (Action.UNNEEDED, "not needed: all that uses it is cached"),
        "top": (Action.CACHED, "cached"),
    }


def test_a_changed_input_runs_exactly_what_depends_on_it() -> None:
    tool, other = step("tool", "1"), step("other", "1")
    memory = Memory().remember(tool, other, step("uses tool", "", tool), step("uses other", "", other))
    new_tool = step("tool", "2")
    plan = told(make_plan([step("uses tool", "", new_tool), step("uses other", "", other)], memory))
    assert plan == {
        "tool": (Action.RUN, "input changed: text 1 -> 2"),
        "uses tool": (Action.RUN, "depends on tool, which changed"),
        "other": (Action.CACHED, "cached"),
        "uses other": (Action.CACHED, "cached"),
    }


def test_going_back_to_an_earlier_input_is_cached() -> None:
    memory = Memory().remember(step("one", "old"))
    memory.remember(step("one", "new"))
    assert told(make_plan([step("one", "old")], memory))["one"] == (Action.CACHED, "cached")


def test_reasons_name_the_file_that_changed() -> None:
    memory = Memory().remember(step("one", source=b"before"))
    assert told(make_plan([step("one", source=b"after")], memory))["one"][1] == "input changed: dir/in.txt"
    assert told(make_plan([step("one")], memory))["one"][1] == "input removed: in"
    fresh = Memory().remember(step("one"))
    assert told(make_plan([step("one", source=b"new")], fresh))["one"][1] == "input added: dir/in.txt"


def test_reasons_name_the_line_of_the_recipe() -> None:
    memory = Memory().remember(step("one", "v1"))
    changed = Step(id="one", kind=KIND, input=Text(text="v2"), origins={"input.text": "recipes/edge.yaml:3:5"})
    assert told(make_plan([changed], memory))["one"][1] == "input changed: text v1 -> v2 (recipes/edge.yaml:3:5)"


def test_an_entry_that_is_gone_or_damaged_is_made_again_and_says_so() -> None:
    one = step("one")
    memory = Memory(runs={"one": LastRun(facts=one.facts, duration_s=1.0)})
    assert told(make_plan([one], memory))["one"] == (Action.RUN, "no longer in the store")
    plan = make_plan([one], memory, damaged={one.key: "output/file: content differs"})
    assert told(plan)["one"] == (Action.RUN, "damaged in the store: output/file: content differs")


def test_a_new_version_of_the_step_itself_is_a_reason() -> None:
    memory = Memory().remember(step("one"))
    newer = Step(id="one", kind=StepKind(name="text", version=2, run=_nothing), input=Text(text=""))
    assert told(make_plan([newer], memory))["one"][1] == "the step itself changed: text v1 -> text v2"


def test_estimates_come_from_the_last_run() -> None:
    memory = Memory().remember(step("one", "old"))
    plan = make_plan([step("one", "new"), step("two")], memory)
    assert [planned.estimate_s for planned in plan.steps] == [7.0, None]


def test_a_chain_of_ten_thousand_steps_needs_no_recursion() -> None:
    last = step("0")
    for number in range(1, 10_000):
        last = step(str(number), "", last)
    plan = make_plan([last], Memory())
    assert [planned.step.id for planned in plan.steps] == [str(number) for number in range(10_000)]

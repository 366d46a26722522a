from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from builder.core.digest import Digest
from builder.steps.context import StepContext
from builder.steps.source import SourceFile
from builder.steps.step import Step, StepKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    text: str = "a"
    number: int = 1
    names: tuple[str, ...] = ("x", "y")
    table: Mapping[str, str] = field(default_factory=dict)
    place: str = field(default="here", compare=False)


def _nothing(_: Input, __: StepContext) -> None:
    """A step that makes nothing: only its key is looked at."""


KIND = StepKind(name="kind", version=1, run=_nothing)
SOURCE = SourceFile(path=Path("main.go"), digest=Digest.of_bytes(b"package main"))
BASE = Step(id="step", kind=KIND, input=Input(), sources={"main.go": SOURCE})


def _with(**changes: object) -> Step[Input]:
    fields: dict[str, object] = {"id": "step", "kind": KIND, "input": Input(), "sources": {"main.go": SOURCE}}
    return Step(**{**fields, **changes})  # type: ignore[arg-type] # the fields are those of Step


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(_with(kind=StepKind(name="kind", version=2, run=_nothing)), id="kind's version"),
        pytest.param(_with(kind=StepKind(name="other", version=1, run=_nothing)), id="kind's name"),
        pytest.param(_with(input=Input(text="b")), id="text"),
        pytest.param(_with(input=Input(text="1")), id="text that looks like a number"),
        pytest.param(_with(input=Input(names=("y", "x"))), id="order of a list"),
        pytest.param(_with(input=Input(names=("x y",))), id="split of a list"),
        pytest.param(_with(input=Input(table={"a": "b"})), id="entry of a table"),
        pytest.param(
            _with(sources={"main.go": SourceFile(path=Path("main.go"), digest=Digest.of_bytes(b"package other"))}),
            id="content of a source",
        ),
        pytest.param(
            _with(sources={"main.go": SourceFile(path=Path("main.go"), digest=SOURCE.digest, executable=True)}),
            id="mode of a source",
        ),
        pytest.param(_with(sources={"other.go": SOURCE}), id="name of a source"),
        pytest.param(_with(needs={"tool": BASE}), id="a need"),
        pytest.param(
            _with(needs={"tool": _with(input=Input(text="b"))}),
            id="a need's input",
        ),
    ],
)
def test_everything_that_shapes_the_result_changes_the_key(changed: Step[Input]) -> None:
    assert changed.key != BASE.key


def test_all_those_keys_differ_from_each_other_where_needs_differ() -> None:
    needs_base, needs_other = _with(needs={"tool": BASE}), _with(needs={"tool": _with(input=Input(text="b"))})
    assert needs_base.key != needs_other.key


@pytest.mark.parametrize(
    "same",
    [
        pytest.param(_with(id="another name"), id="id"),
        pytest.param(_with(origins={"input.text": "recipe.yaml:1"}), id="origins"),
        pytest.param(_with(input=Input(place="there")), id="a field that is not compared"),
        pytest.param(
            _with(sources={"main.go": SourceFile(path=Path("/elsewhere/main.go"), digest=SOURCE.digest)}),
            id="where a source lies",
        ),
    ],
)
def test_what_does_not_shape_the_result_leaves_the_key(same: Step[Input]) -> None:
    assert same.key == BASE.key

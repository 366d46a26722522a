"""The executable that carries the bundle of images."""

from pathlib import Path

from builder.app.make import targets_of
from builder.app.wanted import Wanted
from builder.app.workspace import open_workspace
from builder.core.arch import Arch
from builder.core.output import Output
from builder.steps.step import reached

ROOT = Path(__file__).parents[3]


def made(output: Output, *overrides: str) -> dict[str, str]:
    """The keys of the steps of `output` by their ids."""
    workspace = open_workspace(ROOT / "recipes/edge.yaml", overrides)
    (target,) = targets_of(workspace, Wanted(archs=(Arch.ARMV7,), outputs=(output,)))
    return {step.id: step.key for step in reached(target.step)}


def test_executable_and_image_carry_the_bundle_unless_they_are_not_to() -> None:
    for output in (Output.EXECUTABLE, Output.IMAGE):
        plain, carrying = made(output, "bundle.embedded=false"), made(output)
        assert carrying.keys() - plain.keys() == {"edge/armv7/kedge-with-images", "edge/armv7/bundle"}
        assert carrying["edge/armv7/kedge"] == plain["edge/armv7/kedge"]


def test_a_changed_image_makes_nothing_of_kedge_itself_anew() -> None:
    plain = made(Output.EXECUTABLE)
    more = "images.more={reference: 'host.example/more:1', layers: {one: {files: {/a: {content: x}}}}}"
    changed = made(Output.EXECUTABLE, more)
    assert {name for name in plain if plain[name] != changed[name]} == {
        "edge/armv7/kedge-with-images", "edge/armv7/bundle",
    }  # fmt: skip

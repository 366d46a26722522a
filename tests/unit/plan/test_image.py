"""The steps of images, and which of them a change touches."""

from pathlib import Path
from typing import Any

import pytest

from builder.app.make import targets_of
from builder.app.wanted import Wanted
from builder.app.workspace import Workspace, open_workspace
from builder.core.arch import Arch
from builder.core.errors import RecipeError
from builder.core.output import Output
from builder.plan.compose import Target
from builder.steps.step import Step, reached

ROOT = Path(__file__).parents[3]
PLACE = "edge/armv7/generic-armv7/"


def edge(*overrides: str) -> Workspace:
    return open_workspace(ROOT / "recipes/edge.yaml", overrides)


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return edge()


def targets(
    workspace: Workspace, *boards: str, archs: tuple[Arch, ...] = (), outputs: tuple[Output, ...] = ()
) -> list[Target]:
    return list(targets_of(workspace, Wanted(archs=archs, outputs=outputs, boards=boards)))


def steps(workspace: Workspace) -> dict[str, Step[Any]]:
    (target,) = targets(workspace, archs=(Arch.ARMV7,), outputs=(Output.IMAGE,))
    return {step.id: step for step in reached(target.step)}


def test_an_image_is_made_in_steps_of_its_board(workspace: Workspace) -> None:
    made = steps(workspace)
    assert sorted(name for name in made if name.startswith(PLACE)) == [
        f"{PLACE}{one}" for one in ("boot", "image", "initrd", "slot")
    ]
    assert {step.id for step in made[f"{PLACE}slot"].needs.values()} == {
        "edge/armv7/rootfs", "edge/armv7/kedge-with-images", "edge/armv7/programs/firstboot", f"{PLACE}initrd",
        "tools/filesystem",
    }  # fmt: skip
    # What no device is changed by is made once for all boards.
    assert "debian/grub/arm-efi" in made


def test_a_changed_overlay_touches_the_slot_and_nothing_beside_it(workspace: Workspace) -> None:
    before, after = steps(workspace), steps(edge('rootfs.files={"/etc/motd": {content: hello}}'))
    changed = {name for name in before if before[name].key != after[name].key}
    assert changed == {"edge/armv7/rootfs", f"{PLACE}slot", f"{PLACE}image"}


def test_a_changed_module_touches_the_initrd_and_what_holds_it(workspace: Workspace) -> None:
    before, after = steps(workspace), steps(edge("boards.generic-armv7.modules=[virtio_mmio]"))
    changed = {name for name in before if before[name].key != after[name].key}
    assert changed == {f"{PLACE}{one}" for one in ("initrd", "slot", "image")}


def test_a_program_is_made_of_its_own_files_and_is_in_the_slot(workspace: Workspace) -> None:
    before = steps(workspace)
    program, slot = before["edge/armv7/programs/firstboot"], before[f"{PLACE}slot"]
    assert slot.needs["program./usr/lib/device/firstboot"] is program
    assert {"cmd/firstboot/main.go", "internal/nodeconfig/node.schema.json", "go.mod"} <= set(program.sources)
    assert not [name for name in program.sources if name.startswith(("cmd/kedge/", "internal/controller/"))]
    after = steps(edge("image.programs={/usr/lib/device/firstboot: null}"))
    assert program.id not in after
    assert after[f"{PLACE}slot"].key != slot.key


def test_an_update_is_the_slot_of_an_image_with_its_own_version() -> None:
    (target,) = targets(edge("image.version=0.2.0"), archs=(Arch.ARMV7,), outputs=(Output.UPDATE,))
    assert str(target.place) == "edge/armv7/update/generic-armv7"
    assert set(target.step.needs) == {"slot"}
    slot = target.step.needs["slot"]
    assert slot.key == steps(edge("image.version=0.2.0"))[f"{PLACE}slot"].key
    assert slot.key != steps(edge())[f"{PLACE}slot"].key
    about = {"name": "edge", "version": "0.2.0", "architecture": "armv7", "board": "generic-armv7"}
    assert target.step.input.about.to_json() == slot.input.about.to_json() == about
    (other,) = targets(edge(), "bananapi-m2-ultra", outputs=(Output.UPDATE,))
    assert (other.step.input.about.board, other.board) == ("bananapi-m2-ultra", "bananapi-m2-ultra")


def test_where_a_module_is_asked_for_changes_nothing(workspace: Workspace) -> None:
    (module, *_), step = workspace.inputs.recipe.boards["generic-armv7"].modules, steps(workspace)[f"{PLACE}initrd"]
    assert step.input.places[module].startswith("recipes/boards/generic-armv7.yaml:")
    assert not [fact for fact in step.facts if "places" in fact]


def test_a_board_is_made_alone_and_in_a_directory_of_its_own(workspace: Workspace) -> None:
    (target,) = targets(workspace, "bananapi-m2-ultra")
    assert (target.arch, target.output) == (Arch.ARMV7, Output.IMAGE)
    assert str(target.place) == "edge/armv7/image/bananapi-m2-ultra"
    # Another board is another disk.
    (usual,) = targets(workspace, archs=(Arch.ARMV7,), outputs=(Output.IMAGE,))
    assert usual.step.input.disk_id != target.step.input.disk_id


def test_images_are_made_by_default_and_root_file_systems_when_asked_for(workspace: Workspace) -> None:
    made = {target.output for target in targets(workspace, archs=(Arch.ARMV7,))}
    assert made >= {Output.EXECUTABLE, Output.IMAGE}
    assert Output.ROOTFS not in made
    (rootfs,) = targets(workspace, archs=(Arch.ARMV7,), outputs=(Output.ROOTFS,))
    assert rootfs.step.id == "edge/armv7/rootfs"


def test_a_board_that_is_not_known_is_told_with_the_nearest(workspace: Workspace) -> None:
    with pytest.raises(RecipeError, match="there is no board 'generic-armv8'; did you mean 'generic-armv7'"):
        targets(workspace, "generic-armv8")


def test_a_board_of_another_architecture_is_told(workspace: Workspace) -> None:
    with pytest.raises(RecipeError, match="the board generic-amd64 is of amd64, which is not asked for"):
        targets(workspace, "generic-amd64", archs=(Arch.ARMV7,))


def test_a_recipe_without_images_has_none_for_any_board() -> None:
    with pytest.raises(RecipeError, match="makes no images, for no board"):
        targets(edge("outputs=[executable]"), "generic-armv7")

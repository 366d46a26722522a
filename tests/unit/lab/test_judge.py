"""What must hold between keys of labs and scenarios, with the places of mistakes."""

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from builder.app.lab.survey import read_lab
from builder.app.scenarios.find import find_plays, read_play
from builder.core.errors import RecipeError
from builder.lab.judge import meeting_places
from builder.lab.model import LabMachine

ROOT = Path(__file__).parents[3]
LABS, SCENARIOS = ROOT / "recipes" / "labs", ROOT / "recipes" / "scenarios"
NETWORKS = "networks: {a: {kind: nat}, b: {kind: nat}, wire: {kind: segment}}\nmachines:\n"


def mistakes(text: str, directory: Path) -> list[str]:
    file = directory / "lab.yaml"
    file.write_text(NETWORKS + text)
    with pytest.raises(RecipeError) as caught:
        read_lab(file)
    return [line.removeprefix(f"{file}:") for line in caught.value.details]


@pytest.mark.parametrize("file", sorted(LABS.glob("*.yaml")), ids=lambda file: file.stem)
def test_the_project_s_labs(file: Path) -> None:
    assert read_lab(file).value.title


@pytest.mark.parametrize("file", [*LABS.glob("*.yaml"), *SCENARIOS.glob("*.yaml")], ids=lambda file: file.stem)
def test_shipped_files_fit_their_schema_and_name_it(file: Path) -> None:
    marker, _, name = file.read_text().splitlines()[0].partition("$schema=")
    assert marker == "# yaml-language-server: "
    schema = (file.parent / name).resolve()
    assert schema.name == f"{file.parent.name.removesuffix('s')}.schema.json"
    errors = Draft202012Validator(json.loads(schema.read_text())).iter_errors(yaml.safe_load(file.read_text()))
    assert [error.message for error in errors] == []


def test_the_project_s_scenarios() -> None:
    assert {play.name for play in find_plays([], SCENARIOS, [])} >= {"alone", "pair"}
    assert [play.name for play in find_plays([], SCENARIOS, ["quick"])] == ["alone"]


def test_two_controllers_and_workers_without_one(tmp_path: Path) -> None:
    controller = "{board: generic-amd64, role: controller, networks: [a]}"
    assert mistakes(f"  x: {controller}\n  y: {controller}\n", tmp_path) == [
        "4:29: machines.y.role: a lab's cluster has one controller, since its state is kept on it; x is one already"
    ]
    assert mistakes("  y: {board: generic-amd64, role: worker}\n", tmp_path) == [
        "3:29: machines.y.role: a worker needs a machine with the role controller"
    ]


def test_images_and_boards(tmp_path: Path) -> None:
    told = mistakes(
        "  x: {board: generic-amd64, image: x.img, machine: q35-bios}\n  y: {image: y.img, site: z}\n", tmp_path
    )
    assert [line.partition(": ")[2] for line in told] == [
        "machines.x: needs either board or image",
        "machines.y.machine: is required with an image of your own",
        "machines.y.site: is for nodes, which have a role",
    ]


def test_mistakes_between_keys_are_told_beside_those_of_single_keys(tmp_path: Path) -> None:
    told = mistakes(
        "  x: {board: generic-amd64, role: worker, cores: many, networks: [c]}\n"
        "  y: {cores: 1}\n"
        "  z: {image: z.img, machien: q}\n",
        tmp_path,
    )
    assert [line.partition(": ")[2] for line in told] == [
        "machines.x.role: a worker needs a machine with the role controller",
        "machines.x.cores: must be a whole number, not the text 'many'",
        "machines.x.networks[0]: unknown network 'c'; known: a, b, wire",
        "machines.y: needs either board or image",
        "machines.z.machine: is required with an image of your own",
        f"machines.z.machien: unknown key; did you mean 'machine'? allowed: {', '.join(sorted(LabMachine.model_fields))}",
    ]


@pytest.mark.parametrize(
    ("controller", "workers", "places"),
    [
        ("a", ["a"], ["a"]),
        ("a", ["b"], ["a"]),
        ("a, wire", ["wire", "a"], []),
        ("a, wire", ["wire", "a, wire"], ["wire"]),
        ("wire", ["a"], []),
        ("a", [], ["a"]),
    ],
)
def test_where_workers_meet_the_controller(
    controller: str, workers: list[str], places: list[str], tmp_path: Path
) -> None:
    lines = [f"  c: {{board: generic-amd64, role: controller, networks: [{controller}]}}"]
    lines += [
        f"  w{index}: {{board: generic-amd64, role: worker, networks: [{one}]}}" for index, one in enumerate(workers)
    ]
    if places:
        file = tmp_path / "lab.yaml"
        file.write_text(NETWORKS + "\n".join(lines))
        assert meeting_places(read_lab(file).value) == places
    else:
        (told,) = mistakes("\n".join(lines), tmp_path)
        assert "machines.c.networks: none of them is one by which all workers reach it" in told


def test_machines_of_another_file_s_lab(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(
        f"lab: {LABS / 'pair.yaml'}\nsteps:\n- cut: {{machine: field}}\n- expect: {{nodes: {{barns: Ready}}}}\n"
    )
    with pytest.raises(RecipeError) as caught:
        read_play(file)
    assert [line.removeprefix(f"{file}:") for line in caught.value.details] == [
        "3:9: steps[0].cut.machine: unknown machine 'field'; did you mean 'field-1'? machines: barn, field-1",
        "4:20: steps[1].expect.nodes.barns: unknown machine 'barns'; did you mean 'barn'? machines: barn, field-1",
    ]

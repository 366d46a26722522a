import json
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.core.resources import GIB, Resources
from builder.recipe.load import LoadedRecipe, load_recipe
from builder.recipe.resolve import resolve, to_json, to_yaml
from builder.recipe.templates import variable_values
from tests.unit.recipe.built import built

Load = Callable[..., LoadedRecipe]
ROOT = Path(__file__).parents[3]
ODD = """\
extends: good.yaml
name: "no"
cluster:
  source: "with space: #ä"
  tags: ["1.10", "007", "true", a]
  variables:
    a.b/c.D: "{version} {{x}}"
    a.b/c.E: ""
    a.b/c.F: "- not a list"
    a.b/c.G: "a: b #c"
"""


def test_every_value_has_an_origin(load: Load) -> None:
    resolved = resolve(load({"r.yaml": "extends: good.yaml\nname: x\n"}, ["cluster.tags=[a]"]))
    assert resolved.origins["name"] == "r.yaml:2"
    assert resolved.origins["architectures[0]"] == "good.yaml:2"
    assert resolved.origins["outputs[0]"] == "default"
    assert resolved.origins["cluster.tags[0]"] == "--set cluster.tags=[a]"
    assert resolved.origins["cluster.variables"] == "default"
    assert resolved.origins["cluster.components.kubernetes.staging"] == "default"
    assert resolved.origins["cluster.resources.memory"] == "default"


def test_origins_are_found_by_key_path(load: Load) -> None:
    loaded = load({"r.yaml": "extends: good.yaml\ncluster:\n  variables:\n    a.b/c.D: x\n"})
    assert loaded.origin('cluster.variables."a.b/c.D"') == "r.yaml:4:14"
    assert loaded.origin("cluster.components.kubernetes.version") == "good.yaml:13:16"
    assert loaded.origin("cluster.package") == "default"


@pytest.mark.parametrize("body", ["extends: good.yaml\n", ODD], ids=["plain", "odd"])
def test_a_shown_recipe_loads_again_as_the_same(body: str, load: Load, tmp_path: Path) -> None:
    first = load({"r.yaml": body})
    for origins in (True, False):
        (tmp_path / "shown.yaml").write_text(to_yaml(resolve(first), origins=origins))
        assert load_recipe(Path("shown.yaml"), cwd=tmp_path).recipe == first.recipe


def test_the_shown_recipe_does_not_depend_on_where_it_lies(tmp_path: Path) -> None:
    texts = []
    for name in ("a", "b ä"):
        place = tmp_path / name
        place.mkdir()
        (place / "recipes").symlink_to(ROOT / "recipes")
        texts.append(to_yaml(resolve(load_recipe(Path("recipes/edge.yaml"), cwd=place))))
    assert texts[0] == texts[1]
    assert str(tmp_path) not in texts[0]


def test_without_origins_nothing_but_the_values_is_shown(load: Load) -> None:
    text = to_yaml(resolve(load({"r.yaml": "extends: good.yaml\n"})), origins=False)
    assert "#" not in text
    assert not any(line.endswith(" ") for line in text.splitlines())


def test_the_json_form_is_plain(load: Load) -> None:
    values = json.loads(json.dumps(to_json(resolve(load({"r.yaml": ODD})))))
    assert values["cluster"]["source"] == "with space: #ä"
    assert values["architectures"] == ["armv7"]
    assert values["cluster"]["resources"] == {"cores": 1, "memory": "6 GiB"}


def test_templates_are_filled_in(load: Load) -> None:
    body = "extends: good.yaml\ncluster:\n  variables:\n"
    body += '    a.b/c.D: "{kubernetes.version} {kubernetes.major}.{kubernetes.minor}"\n'
    body += '    a.b/c.E: "{version} {date} {{version}}"\n'
    cluster = built(load({"r.yaml": body}).recipe)
    assert variable_values(cluster.variables, cluster, date="2026-11-01T00:00:00Z") == {
        "a.b/c.D": "v1.37.2 1.37",
        "a.b/c.E": "0.1.0 2026-11-01T00:00:00Z {version}",
    }


def test_the_resources_of_a_build_are_in_bytes(load: Load) -> None:
    resources = built(load({"r.yaml": "extends: good.yaml\n"}, ["cluster.resources.memory=1.5 GiB"]).recipe).resources
    assert resources.as_resources() == Resources(cores=1, memory_bytes=3 * GIB // 2)


def test_a_loaded_recipe_cannot_be_changed(load: Load) -> None:
    recipe = load({"r.yaml": "extends: good.yaml\n"}).recipe
    with pytest.raises(ValueError, match="frozen"):
        recipe.cluster.name = "x"  # type: ignore[misc]

import json
from collections.abc import Callable
from pathlib import Path

from builder.recipe.load import load_recipe
from builder.recipe.resolve import resolve, to_json, to_yaml

ROOT = Path(__file__).parents[3]


def test_the_default_recipe_as_it_is_shown(golden: Callable[[str, str], None]) -> None:
    resolved = resolve(load_recipe(Path("recipes/edge.yaml"), cwd=ROOT))
    golden("edge.yaml", to_yaml(resolved))
    golden("edge.json", json.dumps(to_json(resolved), indent=2) + "\n")


def test_a_recipe_with_overrides_as_it_is_shown(golden: Callable[[str, str], None]) -> None:
    overrides = [
        "architectures=[armv7]",
        "cluster.tags=[nocontroller]",
        "cluster.variables=null",
        "cluster.resources.memory=8 GiB",
        "cluster.source=elsewhere/kedge",
    ]
    resolved = resolve(load_recipe(Path("recipes/edge.yaml"), overrides, cwd=ROOT))
    golden("edge-with-overrides.yaml", to_yaml(resolved))

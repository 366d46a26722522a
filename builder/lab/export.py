"""What is generated from the models of labs and scenarios: their JSON Schemas, and a reference page."""

from builder.core.generated import COMMAND
from builder.lab import model, scenario
from builder.recipe.reference import render_keys

PAGE = "docs/reference/lab.md"
_RECIPES = "recipe.md"
_INTRODUCTION = f"""<!-- Generated from the models of labs and scenarios, do not edit: {COMMAND} -->
# Labs and scenarios

Files of [labs and scenarios](../guides/lab.md) are read [strictly, as recipes are](recipe.md#strict-yaml); every mistake is told
with file, line and column. Relative paths start at the directory of the file. `schemas/lab.schema.json` and
`schemas/scenario.schema.json` are for editors.

"""


def generated_files() -> dict[str, str]:
    """What each generated file must hold, by its path in the checkout."""
    return {
        "schemas/lab.schema.json": model.json_schema(),
        "schemas/scenario.schema.json": scenario.json_schema(),
        PAGE: reference(),
    }


def reference() -> str:
    """The page in Markdown."""
    lab = render_keys(model.Lab, "The lab", shapes=_RECIPES)
    # A scenario's machines and networks are those of a lab, and told there.
    steps = render_keys(scenario.Scenario, "The scenario", shapes=_RECIPES)
    told = [part for part in steps.split("\n### ") if not part.startswith(("`machines.", "`networks."))]
    return _INTRODUCTION + "## Labs\n\n" + lab + "\n## Scenarios\n\n" + "\n### ".join(told)

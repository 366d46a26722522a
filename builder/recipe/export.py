"""What is generated from the recipe's models: its schema and its reference."""

import json

from builder.recipe.reference import render_reference
from builder.recipe.schema import json_schema


def generated_files() -> dict[str, str]:
    """What each generated file must hold, by its path in the checkout."""
    return {
        "docs/reference/recipe.md": render_reference(),
        "schemas/recipe.schema.json": json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n",
    }

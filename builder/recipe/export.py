"""Writes what is generated from the recipe's models: `python -m builder.recipe.export`."""

import json
from pathlib import Path

from builder.recipe.reference import render_reference
from builder.recipe.schema import json_schema

COMMAND = "python -m builder.recipe.export"


def generated_files() -> dict[str, str]:
    """What each generated file must hold, by its path in the checkout."""
    return {
        "docs/reference/recipe.md": render_reference(),
        "schemas/recipe.schema.json": json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n",
    }


def main() -> None:
    """Write the generated files of the checkout that this module lies in."""
    root = Path(__file__).parents[2]
    for name, text in generated_files().items():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

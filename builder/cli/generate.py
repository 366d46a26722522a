"""Writes everything of the checkout that is generated from the code: `python -m builder.cli.generate`."""

from pathlib import Path

from builder.app import board_reference, manifest
from builder.cli.render import export as events
from builder.fleet.node import export as node
from builder.lab import export as lab
from builder.oci import release
from builder.recipe import export as recipe
from builder.recipe import lockfile
from builder.release import record
from builder.rootfs.effects import export as effects
from builder.vm import model as vm

_ROOT = Path(__file__).parents[2]


def generated_files() -> dict[str, str]:
    """What each generated file must hold, by its path in the checkout."""
    return {
        board_reference.PAGE: board_reference.boards_page(_ROOT),
        **recipe.generated_files(),
        **events.generated_files(),
        **effects.generated_files(),
        **node.generated_files(),
        **lab.generated_files(),
        "schemas/lock.schema.json": lockfile.json_schema(),
        "schemas/machine.schema.json": vm.json_schema(),
        "schemas/images.schema.json": release.json_schema(),
        "schemas/manifest.schema.json": manifest.json_schema(),
        "schemas/release.schema.json": record.json_schema(),
    }


def main() -> None:
    """Write the generated files of the checkout that this module lies in."""
    for name, text in generated_files().items():
        target = _ROOT / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

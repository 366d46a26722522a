"""`builder flash` read without typer, which takes longer to import than other flashers take to begin.

Only plain command lines are read here; for all others, and all that is wrong, `commands.flash` has the last word.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from builder.cli.flashing import FlashOptions

COMMAND = "flash"
# As `commands.flash` declares them; a test compares.
FLAGS = {"--yes": "yes", "--to-file": "to_file", "--quiet": "quiet", "-q": "quiet"}
NEGATIONS = {"--no-verify": "verify", "--no-block-map": "use_map"}
VALUES = {"--board": "board", "--unmapped": "unmapped"}
LISTS = {"--serial": "serials", "--even-if": "even_if"}
_UNMAPPED = ("discard", "zero", "keep")
_COMPLETION = "_BUILDER_COMPLETE"


def quick_command(arguments: Sequence[str]) -> Callable[[], None] | None:
    """What runs the command line `arguments`, where it can be read here."""
    if arguments[:1] != [COMMAND] or _COMPLETION in os.environ:
        return None
    options = flash_options(arguments[1:])
    if options is None:
        return None
    from builder.cli.flashing import run_flash  # noqa: PLC0415 - other commands need none of it

    return lambda: run_flash(options)


def flash_options(arguments: Sequence[str]) -> "FlashOptions | None":
    """What `arguments` say to `builder flash`; None where they are not plain."""
    said: dict[str, object] = {}
    lists: dict[str, list[str]] = {}
    places: list[str] = []
    words = iter(arguments)
    for word in words:
        if word in FLAGS:
            said[FLAGS[word]] = True
        elif word in NEGATIONS:
            said[NEGATIONS[word]] = False
        elif word in VALUES or word in LISTS:
            value = next(words, "-")
            if value.startswith("-"):
                return None
            if word in VALUES:
                said[VALUES[word]] = value
            else:
                lists.setdefault(LISTS[word], []).append(value)
        elif word.startswith("-"):
            return None
        else:
            places.append(word)
    if len(places) < 2 or said.get("unmapped", _UNMAPPED[0]) not in _UNMAPPED:  # noqa: PLR2004 - an image and a device
        return None
    from builder.cli.flashing import FlashOptions  # noqa: PLC0415 - as above

    image, *devices = places
    return FlashOptions(image=Path(image), devices=devices, **said, **lists)  # type: ignore[arg-type]  # by the tables

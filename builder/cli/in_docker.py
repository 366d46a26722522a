"""`--executor docker`: what of a command line the builder in the container is given."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

    from builder.app.session import Session

# Parameters of commands that `builder make` has too; who shows what happens is the builder outside.
_PASSED = (
    "recipe", "arch", "target", "board", "overrides", "lock", "out", "offline", "from_directory", "cache_from", "cache_to",
    "cache_public_key", "cache_key", "check_reproducible", "network_timeout",
)  # fmt: skip


def build_in_docker(session: "Session", context: "typer.Context", image: str | None) -> None:
    """Build what the command line asks for in a container; `image` is what the user wants it made of."""
    from builder.app.docker.build import Inside, build_inside  # noqa: PLC0415 - builds without a container need none of it

    said = context.params
    debug = ["--debug"] if "--debug" in context.obj.arguments else []
    inside = Inside(
        arguments=[*debug, "make", *_arguments(context), "--events", "json"],
        reads=[
            *_recipe_places(session, context),
            *_paths(said, "from_directory", "cache_public_key", "cache_key", "cache_from"),
        ],
        writes=[Path(said["out"] or session.project.root / "out"), *_paths(said, "cache_to")],
        network=not said["offline"] and not said.get("from_directory"),
        said=_say,
        image=image,
    )
    build_inside(session, inside)


def _arguments(context: "typer.Context") -> Iterator[str]:
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        if parameter.name not in _PASSED or value is None or value is False:
            continue
        option = [parameter.opts[0]] if parameter.param_type_name == "option" else []
        for one in value if isinstance(value, list | tuple) else [value]:
            yield from option
            if one is not True:
                yield str(one)


def _recipe_places(session: "Session", context: "typer.Context") -> Sequence[Path]:
    from builder.app.workspace import places_of  # noqa: PLC0415 - as above
    from builder.recipe.load import load_recipe  # noqa: PLC0415
    from builder.recipe.lockfile import find_lock, read_lock  # noqa: PLC0415

    path = session.project.recipe_path(context.params["recipe"])
    loaded = load_recipe(path, context.params["overrides"] or ())
    lock_file = Path(context.params["lock"] or find_lock(path, loaded.files))
    return places_of(loaded, lock_file, read_lock(lock_file))


def _paths(said: "dict[str, object]", *names: str) -> list[Path]:
    """The paths among the values of parameters; places of shared caches may be in registries."""
    values = [said.get(name) or () for name in names]
    flat = [one for value in values for one in (value if isinstance(value, list | tuple) else [value])]
    return [Path(str(one)) for one in flat if "://" not in str(one)]


def _say(piece: bytes) -> None:
    sys.stderr.buffer.write(piece)
    sys.stderr.flush()

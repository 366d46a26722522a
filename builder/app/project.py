"""Where a project lies, and where its caches are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from builder.core.errors import RecipeError
from builder.steps.caches import CacheDirs

if TYPE_CHECKING:
    from builder.app.workspace import Workspace

DEFAULT_RECIPE = "edge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A checkout at `root`, the cache directory that it shares with others, and the user's environment."""

    root: Path
    cache: Path
    environment: Mapping[str, str]

    @property
    def caches(self) -> CacheDirs:
        """The caches that tools keep for themselves."""
        return CacheDirs(
            go_build=self.cache / "go" / "build",
            go_modules=self.cache / "go" / "mod",
            zig=self.cache / "zig",
            debian=self.cache / "debian",
        )

    @property
    def store(self) -> Path:
        """The results of steps."""
        return self.cache / "store"

    @property
    def bytecode(self) -> Path:
        """Where `scripts/environment.sh` lets Python keep what it makes of its sources."""
        return self.cache / "bytecode"

    @property
    def logs(self) -> Path:
        """The output of the commands that steps ran, a directory per build."""
        return self.cache / "logs"

    @property
    def scope(self) -> str:
        """What the store remembers reasons and estimates by: the same recipe in two checkouts has two histories."""
        return str(self.root)

    def open(self, recipe: str, overrides: Sequence[str] = (), *, lock_file: Path | None = None) -> "Workspace":
        """The recipe that `recipe` means, with its lock (see `open_workspace`)."""
        from builder.app.workspace import open_workspace  # noqa: PLC0415 - most of the time that a command takes to start

        return open_workspace(self.recipe_path(recipe), overrides, lock_file=lock_file)

    def recipe_path(self, name: str) -> Path:
        """The recipe that `name` means: a path to a YAML file, or the name of one in `recipes/`."""
        if name.endswith((".yaml", ".yml")):
            return Path(name)
        path = self.root / "recipes" / f"{name}.yaml"
        if not path.exists():
            known = sorted(found.stem for found in (self.root / "recipes").glob("*.yaml"))
            raise RecipeError(
                f"there is no recipe {name!r}",
                hint=f"name one of {', '.join(known)}, or give the path of a .yaml file",
            )
        return path


def find_project(environment: Mapping[str, str]) -> Project:
    """The project that this package is part of, with the cache directory that `environment` names."""
    home = environment.get("HOME") or "/nonexistent"
    base = environment.get("BUILDER_CACHE") or str(
        Path(environment.get("XDG_CACHE_HOME") or Path(home, ".cache"), "builder")
    )
    root = Path(__file__).resolve().parents[2]
    return Project(root=root, cache=Path(base).absolute(), environment=environment)

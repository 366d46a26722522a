"""Which scenarios somebody means, read: everything that is wrong with any of them is told at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.app.lab.survey import read_lab
from builder.core.errors import RecipeError
from builder.core.nearest import suggestion
from builder.lab.document import Written, read_written
from builder.lab.model import Lab
from builder.lab.scenario import Scenario, judge_machines, judge_scenario, own_lab


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """A scenario, and the lab that it takes place in."""

    name: str
    written: Written[Scenario]
    lab: Written[Lab]


def find_plays(wanted: Sequence[str], directory: Path, tags: Sequence[str]) -> list[Play]:
    """The scenarios `wanted`, paths or names of files in `directory`, by default all; with `tags` those that have one of them.

    `RecipeError` with all that is wrong with any of them.
    """
    known = {path.stem: path for path in sorted(directory.glob("*.yaml"))}
    paths, problems = [], []
    for one in wanted or known:
        if one in known:
            paths.append(known[one])
        elif one.endswith((".yaml", ".yml")):
            paths.append(Path(one))
        else:
            problems.append(f"there is no scenario {one!r}{suggestion(one, 'known', list(known))}")
    plays: list[Play] = []
    for path in paths:
        try:
            plays.append(read_play(path))
        except RecipeError as error:
            problems += error.details or [error.brief]
    if problems:
        raise RecipeError("no scenario was run", details=problems, hint="docs/reference/lab.md explains every key")
    chosen = [play for play in plays if not tags or set(tags) & set(play.written.value.tags)]
    if not chosen:
        there = sorted({tag for play in plays for tag in play.written.value.tags})
        raise RecipeError(f"no scenario has the tag {' or '.join(tags)}", hint=f"there are {', '.join(there)}")
    return chosen


def read_play(path: Path) -> Play:
    """The scenario in the file at `path`, with its lab."""
    written = read_written(path, Scenario, judge_scenario, Path.cwd())
    scenario = written.value
    if lab := own_lab(scenario):
        own = Written(path=written.path, name=written.name, value=lab, root=written.root)
        return Play(name=path.stem, written=written, lab=own)
    other = read_lab(scenario.lab or Path())
    mistakes = list(judge_machines(scenario, other.value))
    if mistakes:
        raise RecipeError(f"{written.name} cannot be used", details=written.located(mistakes))
    return Play(name=path.stem, written=written, lab=other)

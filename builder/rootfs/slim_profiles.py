"""Profiles that say what an image does without: lists of patterns with reasons, in recipes/debian/slim/."""

import fnmatch
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

from builder.core.errors import RecipeError

# As fnmatch(3) reads it: `*` stands for slashes too. `{language}` is that of the recipe's locale.
_Glob = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._@+*?/{}\[\]-]+$")]
_ModuleGlob = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._@+*?-][A-Za-z0-9._@+*?/-]*$")]


class Rule(BaseModel):
    """One pattern: files that are left out, files that stay all the same, or kernel modules that are left out.

    Patterns of modules are below /usr/lib/modules/VERSION; a module that one that stays depends on stays too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    exclude: _Glob | None = None
    include: _Glob | None = None
    modules: _ModuleGlob | None = None
    reason: Annotated[str, StringConstraints(pattern=r"^[^\n]+$")]

    @model_validator(mode="after")
    def _one_pattern(self) -> "Rule":
        if sum(one is not None for one in (self.exclude, self.include, self.modules)) != 1:
            raise ValueError("needs one of exclude, include and modules")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A profile by name; of rules that fit the same path the last one counts, as with dpkg's path-exclude."""

    name: str
    rules: tuple[Rule, ...]


def read_profiles(files: Mapping[str, Path], names: Sequence[str]) -> list[Profile]:
    """The profiles `names` out of `files` (`NUMBER/NAME.yaml`); `RecipeError` names every mistake in them.

    Rules of a later directory come after those of an earlier one.
    """
    problems: list[str] = []
    found = [
        Profile(
            name=name,
            rules=tuple(
                rule
                for file, path in sorted(files.items())
                if file.partition("/")[2] == f"{name}.yaml"
                for rule in _rules(path, problems)
            ),
        )
        for name in names
    ]
    if problems:
        raise RecipeError("slim profiles cannot be read", details=problems)
    return found


def _rules(path: Path, problems: list[str]) -> Iterator[Rule]:
    shown = f"slim/{path.name}"
    try:
        loaded: Any = yaml.load(path.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except yaml.YAMLError as error:
        problems.append(f"{shown}: {error}")
        return
    if not isinstance(loaded, list):
        problems.append(f"{shown}: a profile is a list of rules")
        return
    for number, entry in enumerate(loaded, 1):
        try:
            yield Rule.model_validate(entry)
        except ValidationError as error:
            for one in error.errors():
                where = ".".join(map(str, one["loc"]))
                problems.append(f"{shown}, entry {number}: {where + ': ' if where else ''}{one['msg']}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A pattern of files, compiled: `leaves_out` what it fits, or has it stay; `profile` is whose it is."""

    glob: str
    leaves_out: bool
    profile: str
    fits: re.Pattern[str]


def file_patterns(profiles: Sequence[Profile], language: str) -> list[Pattern]:
    """The patterns of files of all profiles, in their order."""
    found = []
    for profile in profiles:
        for rule in profile.rules:
            glob = rule.exclude or rule.include
            if glob:
                glob = glob.replace("{language}", language)
                found.append(
                    Pattern(
                        glob=glob,
                        leaves_out=rule.exclude is not None,
                        profile=profile.name,
                        fits=re.compile(fnmatch.translate(glob)),
                    )
                )
    return found


def module_patterns(profiles: Sequence[Profile]) -> dict[str, str]:
    """The patterns of kernel modules, each with the profile that it is of."""
    return {rule.modules: profile.name for profile in profiles for rule in profile.rules if rule.modules}

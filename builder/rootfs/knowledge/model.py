"""The files of knowledge: what generated sections do, what each package's scripts do, and numbers of accounts."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from builder.core.errors import RecipeError
from builder.rootfs.effects.base import Effect
from builder.rootfs.effects.registry import EFFECTS

# `<name>` stands for one word without quotes, `<name*>` for the rest of a line, `<name**>` for lines.
_PLACEHOLDER = re.compile(r"<([a-z_]+)(\*{0,2})>")
_MEANINGS = {"": r"[^\s'\"]+", "*": r"[^\n]*?", "**": r"(?:.|\n)*?"}

ScriptName = Literal["preinst", "config", "postinst"]
Sha256Text = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EffectText(_Model):
    """One effect as it is written: its name, and its parameters with placeholders still in them."""

    name: str
    parameters: Mapping[str, Any]

    @model_validator(mode="before")
    @classmethod
    def _written(cls, value: object) -> object:
        if isinstance(value, str):
            return {"name": value, "parameters": {}}
        if isinstance(value, dict) and len(value) == 1:
            ((name, parameters),) = value.items()
            return {"name": name, "parameters": parameters or {}}
        raise ValueError("an effect is written as 'NAME: {PARAMETER: VALUE, ...}'")

    @model_validator(mode="after")
    def _known(self) -> "EffectText":
        if self.name not in EFFECTS:
            raise ValueError(f"there is no effect {self.name!r}; known: {', '.join(sorted(EFFECTS))}")
        fields = EFFECTS[self.name].model_fields
        unknown = [key for key in self.parameters if key not in fields]
        missing = [key for key, field in fields.items() if field.is_required() and key not in self.parameters]
        if unknown or missing:
            raise ValueError(f"{self.name} has no {', '.join(unknown)}" if unknown else f"{self.name} needs {missing}")
        return self

    def effect(self, values: Mapping[str, str]) -> Effect:
        """The effect, with `values` in the place of `{name}` in its parameters."""
        return EFFECTS[self.name].model_validate({key: _filled(one, values) for key, one in self.parameters.items()})


def _filled(value: object, values: Mapping[str, str]) -> object:
    if isinstance(value, str):
        return re.sub(r"\{([a-z_]+)\}", lambda match: values.get(match[1], match[0]), value)
    if isinstance(value, list):
        return [_filled(one, values) for one in value]
    return value


class Snippet(_Model):
    """A template of debhelper's: which tool writes it into which scripts, its commands, and what they do.

    `text` may stand in a section several times, one after the other.
    """

    tool: str
    scripts: tuple[ScriptName, ...] = ("postinst",)
    text: str
    effects: tuple[EffectText, ...] = ()

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """`text` as a regular expression, its indentation and line breaks as in a parsed section."""
        lines = [line.strip() for line in self.text.splitlines() if line.strip()]
        pattern, end = "", 0
        text = "\n".join(lines)
        seen: set[str] = set()
        for match in _PLACEHOLDER.finditer(text):
            pattern += re.escape(text[end : match.start()])
            # The same name again stands for the same text.
            what = _MEANINGS[match[2]]
            pattern += f"(?P={match[1]})" if match[1] in seen else f"(?P<{match[1]}>{what})"
            seen.add(match[1])
            end = match.end()
        return re.compile(pattern + re.escape(text[end:]))

    def match(self, body: str) -> list[Mapping[str, str]] | None:
        """The values of the placeholders for every time that the text stands in `body`; None where it is something else."""
        found: list[Mapping[str, str]] = []
        position = 0
        while position < len(body):
            match = self.pattern.match(body, position)
            if match is None or (match.end() < len(body) and body[match.end()] != "\n"):
                return None
            found.append(match.groupdict())
            position = match.end() + 1
        return found


class ScriptKnowledge(_Model):
    """What the rest of a script does: `digests` of all its known texts, and the effects.

    `package` may hold a `*`, as kernels have versions in their names; what it stands for is `@NAME@` in the normalised text,
    and `{star}` in effects.
    """

    package: str
    script: ScriptName
    digests: tuple[Sha256Text, ...] = Field(min_length=1)
    effects: tuple[EffectText, ...] = Field(min_length=1)


class Ids(_Model):
    """Numbers of users and groups that packages make; those below 100 are Debian's own and not listed."""

    users: Mapping[str, int]
    groups: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """All that is known, as read from recipes/debian/."""

    snippets: Sequence[Snippet]
    scripts: Sequence[ScriptKnowledge]
    ids: Ids

    def of_package(self, name: str) -> Iterator[ScriptKnowledge]:
        """What is known of the scripts of a package."""
        for known in self.scripts:
            if star_of(known.package, name) is not None:
                yield known


def star_of(pattern: str, name: str) -> str | None:
    """What `*` in `pattern` stands for in `name`, empty without one; None where they do not match."""
    before, star, after = pattern.partition("*")
    if not star:
        return "" if pattern == name else None
    long_enough = len(name) > len(before) + len(after)
    return (
        name[len(before) : len(name) - len(after)]
        if (long_enough and name.startswith(before) and name.endswith(after))
        else None
    )


def read_snippets(text: str, where: str) -> tuple[Snippet, ...]:
    """The snippets in a YAML file; `RecipeError` names every mistake in it."""
    return tuple(_read_list(text, where, Snippet))


def read_scripts(text: str, where: str) -> tuple[ScriptKnowledge, ...]:
    """What a YAML file knows of scripts; `RecipeError` names every mistake in it."""
    return tuple(_read_list(text, where, ScriptKnowledge))


def read_ids(text: str, where: str) -> Ids:
    """The numbers in a YAML file; `RecipeError` names every mistake in it."""
    try:
        return Ids.model_validate(_yaml(text, where))
    except ValidationError as error:
        raise _mistakes(error, where) from None


def _read_list(text: str, where: str, model: type[Any]) -> Iterator[Any]:
    entries = _yaml(text, where)
    if not isinstance(entries, list):
        raise RecipeError(f"{where}: a file of knowledge is a list")
    for number, entry in enumerate(entries, 1):
        try:
            yield model.model_validate(entry)
        except ValidationError as error:
            raise _mistakes(error, f"{where}, entry {number}") from None


def _yaml(text: str, where: str) -> object:
    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except yaml.YAMLError as error:
        raise RecipeError(f"{where}: {error}") from None


def _mistakes(error: ValidationError, where: str) -> RecipeError:
    details = [f"{where}: {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
    return RecipeError("what is known of maintainer scripts cannot be read", details=details)

"""The files of knowledge: what generated sections do, what each package's scripts do, and numbers of accounts."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from builder.core.errors import BuilderError
from builder.rootfs.effects.base import Effect
from builder.rootfs.effects.registry import EFFECTS

# `<name>` stands for one word without quotes, `<name*>` for the rest of a line, `<name**>` for lines.
_PLACEHOLDER = re.compile(r"<([a-z_]+)(\*{0,2})>")
_MEANINGS = {"": r"[^\s'\"]+", "*": r"[^\n]*?", "**": r"(?:.|\n)*?"}
_VALUE = re.compile(r"\{([a-z_]+)\}")
VALUES = ("package", "architecture", "triplet")
"""What effects of scripts can name, as `{package}`; with a `*` in the name of the package `{star}` too."""

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
            problem, names = ("has no", unknown) if unknown else ("needs", missing)
            raise ValueError(f"{self.name} {problem} {', '.join(names)}; its parameters: {', '.join(fields) or 'none'}")
        if not self.named_values:
            self._model(self.parameters)
        return self

    @property
    def named_values(self) -> frozenset[str]:
        """The names that stand as `{name}` in the parameters."""
        return frozenset(name for one in self.parameters.values() for name in _VALUE.findall(str(one)))

    def effect(self, values: Mapping[str, str]) -> Effect:
        """The effect, with `values` in the place of `{name}` in its parameters; `BuilderError` where they do not fit."""
        try:
            return self._model({key: _filled(one, values) for key, one in self.parameters.items()})
        except ValueError as error:
            raise BuilderError(str(error)) from None

    def _model(self, parameters: Mapping[str, object]) -> Effect:
        try:
            return EFFECTS[self.name].model_validate(parameters)
        except ValidationError as error:
            problems = (f"{self.name}.{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            raise ValueError("; ".join(problems)) from None


def _refuse_unknown_values(effects: Sequence[EffectText], known: Sequence[str]) -> None:
    wrong = sorted({name for effect in effects for name in effect.named_values} - {*known})
    if wrong:
        names = ", ".join(f"{{{name}}}" for name in wrong)
        raise ValueError(f"nothing gives {names} a value; there are {', '.join(f'{{{name}}}' for name in known)}")


def _filled(value: object, values: Mapping[str, str]) -> object:
    if isinstance(value, str):
        return _VALUE.sub(lambda match: values.get(match[1], match[0]), value)
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

    @model_validator(mode="after")
    def _values_are_given(self) -> "Snippet":
        _refuse_unknown_values(self.effects, [match[1] for match in _PLACEHOLDER.finditer(self.text)])
        return self

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
        return re.compile(f"{pattern}{re.escape(text[end:])}(?=\n|\\Z)")

    def match(self, body: str) -> list[Mapping[str, str]] | None:
        """The values of the placeholders for every time that the text stands in `body`; None where it is something else."""
        found: list[Mapping[str, str]] = []
        position = 0
        while position < len(body):
            match = self.pattern.match(body, position)
            if match is None:
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
    digests: tuple[Sha256Text, ...]
    effects: tuple[EffectText, ...]

    @model_validator(mode="after")
    def _says_something(self) -> "ScriptKnowledge":
        if not self.digests:
            raise ValueError("digests: no text of the script is named")
        if not self.effects:
            raise ValueError(
                "effects: what the script does is not filled in; one that does nothing has 'nothing: {why: ...}'"
            )
        _refuse_unknown_values(self.effects, (*VALUES, "star") if "*" in self.package else VALUES)
        return self


class Ids(_Model):
    """Numbers of users and groups that packages make; those below 100 are Debian's own and not listed."""

    users: Mapping[str, int] = Field(default_factory=dict)
    groups: Mapping[str, int] = Field(default_factory=dict)


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

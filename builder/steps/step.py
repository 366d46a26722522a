"""What a step is.

A step's key is the digest of its `facts`, a flat table of everything that shapes the result: the kind and its version,
every field of the input, the digest of every source file, the key of every step that it needs. Fields that comparing
leaves out (`field(compare=False)`) are no facts: they say how a result is come by, not what it is. One table serves both
purposes: equal facts mean an equal result, and the first fact that differs from the last run is the reason to run again.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from builder.core.digest import Digest
from builder.core.resources import Resources
from builder.steps.context import StepContext
from builder.steps.source import SourceFile

InputT = TypeVar("InputT")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepKind(Generic[InputT]):
    """A function from a typed input to files in `context.output`.

    Raise `version` when the function makes something else of the same input; every result of the kind is then made again.
    What a kind that `downloads` brings is the same by digest wherever it is made.
    """

    name: str
    version: int
    run: Callable[[InputT, StepContext], None]
    downloads: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Generic[InputT]):
    """One node of the plan's graph; it refers to the steps that it needs, so the graph cannot have a cycle.

    `id` names the step across changes of its facts (`edge/armv7/executable`). `sources` maps the name that the step
    reads a file by to the file. `origins` says where in the recipe a fact was written, for reasons; it is no part of
    the key.
    """

    id: str
    kind: StepKind[InputT]
    input: InputT
    needs: "Mapping[str, Step[Any]]" = field(default_factory=dict)
    sources: Mapping[str, SourceFile] = field(default_factory=dict)
    resources: Resources = field(default_factory=Resources)
    origins: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(init=False)
    key: Digest = field(init=False)

    def __post_init__(self) -> None:
        facts = {"kind": f"{self.kind.name} v{self.kind.version}"}
        _flatten(facts, "input", self.input)
        for name, source in self.sources.items():
            facts[f"source.{name}"] = f"{source.digest} executable" if source.executable else source.digest
        for role, step in self.needs.items():
            facts[f"needs.{role}"] = step.key
        object.__setattr__(self, "facts", facts)
        object.__setattr__(self, "key", Digest.of_json(facts))

    def run(self, context: StepContext) -> None:
        """Make the result in `context.output`."""
        self.kind.run(self.input, context)


def reached(step: Step[Any]) -> list[Step[Any]]:
    """`step` and all that it needs, each once, needs first."""
    found: dict[str, Step[Any]] = {}
    for needed in step.needs.values():
        found |= {one.id: one for one in reached(needed)}
    return [*found.values(), step]


def _flatten(facts: dict[str, str], name: str, value: object) -> None:
    """Add everything inside `value` (dataclasses, models, mappings, sequences, scalars) to `facts`, under dotted names.

    The commonest come first, and nothing is made on the way: a fleet has a hundred thousand facts.
    """
    if isinstance(value, str):
        facts[name] = value
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for item in filter(attrgetter("compare"), dataclasses.fields(value)):
            _flatten(facts, f"{name}.{item.name}", getattr(value, item.name))
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            _flatten(facts, f"{name}.{key}", inner)
    elif isinstance(value, BaseModel):
        for key in type(value).model_fields:
            _flatten(facts, f"{name}.{key}", getattr(value, key))
    elif isinstance(value, Sequence):
        for number, inner in enumerate(value):
            _flatten(facts, f"{name}[{number}]", inner)
    else:
        facts[name] = json.dumps(value)

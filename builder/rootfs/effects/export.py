"""What is generated from the effects: their reference."""

import inspect
from collections.abc import Iterator

from pydantic.fields import FieldInfo

from builder.core.generated import COMMAND
from builder.rootfs.effects.base import Effect
from builder.rootfs.effects.registry import EFFECTS

_INTRODUCTION = """\
# Effects

What maintainer scripts do, as `recipes/debian/packages/NAME.yaml` and `recipes/debian/snippets.yaml` have it:
[packages with unknown scripts](../guides/packages-with-unknown-scripts.md) shows how to write it. An effect that needs no
parameters is its name alone.

In parameters, `{package}`, `{architecture}` and `{triplet}` stand for the name of the package, for its architecture as dpkg
names it, and for the directory of its libraries; `{star}` for what the `*` in the name of the package stands for. In snippets,
`{name}` stands for what `<name>` in their text does. Paths are those of the device.
"""


def generated_files() -> dict[str, str]:
    """What each generated file must hold, by its path in the checkout."""
    return {"docs/reference/effects.md": "\n".join(_page())}


def _page() -> Iterator[str]:
    yield f"<!-- Generated from the effects, do not edit: {COMMAND} -->"
    yield _INTRODUCTION
    for name, effect in sorted(EFFECTS.items()):
        yield from (f"## {name}", "", inspect.cleandoc(effect.__doc__ or ""), "")
        if effect.model_fields:
            yield from ("| parameter | |", "|---|---|")
            yield from (f"| `{key}` | {_words(effect, key, field)} |" for key, field in effect.model_fields.items())
            yield ""


def _words(effect: type[Effect], key: str, field: FieldInfo) -> str:
    """The kind of a parameter, and what it is where it is not given."""
    schema = effect.model_json_schema()["properties"][key]
    kind = {"integer": "permissions, octal", "string": "text", "boolean": "true or false", "array": "list"}[
        schema["type"]
    ]
    if field.is_required():
        return f"{kind}; required"
    default = field.default
    if isinstance(default, bool):
        return f"{kind}; otherwise {str(default).lower()}"
    shown = f"{default:04o}" if isinstance(default, int) else default
    return f"{kind}; otherwise `{shown}`" if shown else kind

"""The reference page of recipes, rendered from the models' descriptions."""

import json
from collections.abc import Iterator
from typing import Any

from builder.core.generated import COMMAND
from builder.recipe.models import Recipe
from builder.recipe.section import Section
from builder.recipe.shapes import SHAPES, Shape

GENERATED = f"Generated from the recipe's models, do not edit: {COMMAND}"

_INTRODUCTION = f"""<!-- {GENERATED} -->
# Recipes

A recipe says what is built, as YAML. `recipes/edge.yaml` is the default.

```yaml
extends: [toolchains.yaml, cluster/kedge.yaml]
name: gateway
architectures: [arm64]
cluster:
  components:
    containerd:
      version: v2.4.3        # a security fix: everything else stays inherited
```

`builder validate RECIPE` reports every mistake with file, line and column. `builder show RECIPE` prints the recipe with
everything filled in, and for each value the file and line that it comes from.

## Files that build on each other
`extends` names one file or a list of files, relative to the file that names them. They are laid over each other in
that order, and the file itself comes last:

- Mappings merge key by key, at every depth.
- Lists and single values are replaced as a whole.
- `key: null` drops an inherited value; where nothing is inherited it is an error.
- Relative paths start at the directory of the file in which they are written.

`--set KEY=VALUE` lays one more value over all files. Keys are joined by dots, list items are numbered from 0, and a key
with other characters stands in double quotes. A value is YAML; relative paths in it start at the current directory.

```sh
builder make --set cluster.version=0.1.1
builder make --set architectures=[armv7] --set cluster.resources.memory='8 GiB'
builder make --set 'cluster.variables."k8s.io/component-base/version.gitTreeState"=dirty'
```

## Strict YAML
Nothing is converted silently. Only `true`, `false`, `null`, decimal integers and decimal fractions mean something
other than text; `yes`, `on`, `12:30:00` and `2026-01-01` are text. Where text is asked for, a number is an error that
asks for quotes (`"1.10"`); numbers with leading zeros, anchors, aliases, tags, `<<` and several documents in one file
are refused, and so are unknown keys. A file is UTF-8 with Unix line ends, at most 1 MiB, nested at most 64 deep.

## Keys
"""


def render_reference() -> str:
    """The page in Markdown."""
    return f"{_INTRODUCTION}\n{render_keys(Recipe, 'The recipe')}\n{_shapes()}"


def render_keys(model: type[Section], title: str, *, shapes: str = "") -> str:
    """A table of the keys of `model`, under `title`, and of each section in it; `shapes` is the page that explains shapes."""
    schema = model.model_json_schema()
    # What both forms of a section have in common is told once.
    told = dict.fromkeys(_section(path, section, schema, title) for path, section in _sections("", schema, schema))
    return "\n".join(told).replace("](#shapes-of-text)", f"]({shapes}#shapes-of-text)")


def _sections(path: str, section: dict[str, Any], schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """`section` and all sections below it, each with the path that leads to it."""
    yield path, section
    for name, value in section["properties"].items():
        inner = f"{path}.{name}" if path else name
        for suffix, target in _inside(_target(value, schema), schema):
            if "properties" in target:
                yield from _sections(f"{inner}{suffix}", target, schema)


def _inside(value: dict[str, Any], schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What `value` may hold, each with what is written behind its path: `value` itself, its items, its forms."""
    yield "", value
    for named in value.get("patternProperties", {}).values():
        yield ".NAME", _target(named, schema)
    if "propertyNames" in value:
        yield ".ARCHITECTURE", _target(value["additionalProperties"], schema)
    if "items" in value:
        yield "[NUMBER]", _target(value["items"], schema)
    for form in value.get("oneOf", []):
        yield "", _target(form, schema)


def _section(path: str, section: dict[str, Any], schema: dict[str, Any], name: str) -> str:
    title = f"### `{path}`" if path else f"### {name}"
    rows = [
        f"| `{name}` | {_type(value, schema)} | {_default(name, section)} | {value['description']} |"
        for name, value in section["properties"].items()
    ]
    head = ["| Key | Type | Default | Meaning |", "| --- | --- | --- | --- |"]
    return "\n".join([title, section["description"], "", *head, *rows, ""])


def _default(name: str, section: dict[str, Any]) -> str:
    if name in section.get("required", []):
        return "required"
    value = section["properties"][name]["default"]
    # A section's default is told by its own keys.
    return "none" if value is None or (isinstance(value, dict) and value) else f"`{json.dumps(value)}`"


def _target(value: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """What a reference points to, or `value` itself; of a value that may be left out, what it is when it is there."""
    for form in value.get("anyOf", []):
        if form.get("type") != "null":
            return _target(form, schema)
    reference = value.get("$ref")
    target: dict[str, Any] = schema["$defs"][reference.rpartition("/")[2]] if reference else value
    return target


def _type(value: dict[str, Any], schema: dict[str, Any]) -> str:
    target = _target(value, schema)
    if "enum" in target:
        return ", ".join(f"`{word}`" for word in target["enum"])
    if "oneOf" in target:
        return "section, in one of these forms"
    if "pattern" in target:
        return _link(SHAPES[target["pattern"]])
    if target["type"] == "array":
        return f"list of {_type(target['items'], schema)}"
    if target["type"] in ("integer", "number"):
        kind = "whole number" if target["type"] == "integer" else "number"
        return f"{kind}, {target['minimum']} to {target['maximum']}"
    return (
        _mapping_type(target, schema)
        or {"object": "section", "boolean": "`true` or `false`", "string": "text"}[target["type"]]
    )


def _mapping_type(target: dict[str, Any], schema: dict[str, Any]) -> str:
    """What `target` maps to what, empty where it is no mapping with keys of the author's choice."""
    if "propertyNames" in target:
        keys, values = target["propertyNames"], target["additionalProperties"]
        return f"mapping of {_type(keys, schema)} to {_type(values, schema)}"
    for pattern, inner in target.get("patternProperties", {}).items():
        return f"mapping of {_link(SHAPES[pattern])} to {_type(inner, schema)}"
    return ""


def _link(shape: Shape) -> str:
    return f"[{shape.kind}](#shapes-of-text)"


def _shapes() -> str:
    rows = [
        f"| {shape.kind} | {shape.meaning} | `{pattern.replace('|', chr(92) + '|')}` |"
        for pattern, shape in SHAPES.items()
    ]
    return "\n".join(["## Shapes of text", "", "| Shape | It is | Pattern |", "| --- | --- | --- |", *rows, ""])

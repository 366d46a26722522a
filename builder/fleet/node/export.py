"""What is generated from the model of node.yaml: its JSON Schema, and its reference page."""

import json
from collections.abc import Iterator
from typing import Any

from builder.core.generated import COMMAND
from builder.fleet.node.model import NodeConfig

SCHEMA, PAGE = "schemas/node.schema.json", "docs/reference/node.md"
# Devices carry it: Go embeds files of its own directory alone.
_DEVICE_SCHEMA = "cluster/internal/nodeconfig/node.schema.json"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"

_INTRODUCTION = f"""<!-- Generated from the model of node.yaml, do not edit: {COMMAND} -->
# node.yaml

What one device is told, on the first partition of its card, which every computer can read. `builder provision` writes it out of
`clusters/NAME/nodes/NODE.yaml`, and adds what the cluster has in common: `cluster`, `endpoints`, `credential`, `config`.

```yaml
format: 1
name: field-1
role: worker
site: orchard
labels: {{example.com/crop: apples}}
network:
  interfaces:
    eth0: {{dhcp: false, addresses: [192.0.2.21/24], gateway: 192.0.2.1, nameservers: [192.0.2.1]}}
time: {{servers: [192.0.2.1]}}
```

It is read [strictly, as recipes are](recipe.md#strict-yaml), and a key without a value is a mistake.
`schemas/node.schema.json` is for editors.

## Keys
"""


def generated_files() -> dict[str, str]:
    """What each generated file must hold, by its path in the checkout."""
    schema = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    return {SCHEMA: schema, _DEVICE_SCHEMA: schema, PAGE: reference()}


def json_schema() -> dict[str, Any]:
    """The schema in dialect 2020-12: a key without a value is a mistake, and names are as strict as values."""
    schema = NodeConfig.model_json_schema()
    schema = _strict(schema)
    return {"$schema": _DIALECT, **schema, "title": "node.yaml"}


def _strict(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, list):
        return [_strict(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {key: _strict(inner) for key, inner in value.items() if not (key == "default" and inner is None)}
    # Pydantic's titles repeat the names, but one may be a property's name.
    if isinstance(found.get("title"), str):
        del found["title"]
    forms = [form for form in found.pop("anyOf", []) if form.get("type") != "null"]
    if "patternProperties" in found:
        found["additionalProperties"] = False
    return {**(forms[0] if forms else {}), **found}


def reference() -> str:
    """The page in Markdown."""
    schema = json_schema()
    return _INTRODUCTION + "\n" + "\n".join(_sections("", schema, schema["$defs"]))


def _sections(path: str, section: dict[str, Any], known: dict[str, Any]) -> Iterator[str]:
    rows = ["| Key | It is | Default | Meaning |", "| --- | --- | --- | --- |"]
    for name, value in section["properties"].items():
        default = "required" if name in section.get("required", []) else _default(value)
        rows.append(f"| `{name}` | {_kind(value, known)} | {default} | {value['description']} |")
    yield "\n".join([f"### `{path}`" if path else "### The device", section["description"], "", *rows, ""])
    for name, value in section["properties"].items():
        for suffix, inner in (("", value), ("[NUMBER]", value.get("items", {})), (".NAME", _named(value))):
            target = _target(inner, known)
            if "properties" in target:
                yield from _sections(f"{path}.{name}{suffix}".removeprefix("."), target, known)


def _named(value: dict[str, Any]) -> dict[str, Any]:
    """What each name of the author's choice maps to."""
    found: dict[str, Any] = next(iter(value.get("patternProperties", {}).values()), {})
    return found


def _target(value: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    target: dict[str, Any] = known[value["$ref"].rpartition("/")[2]] if "$ref" in value else value
    return target


def _default(value: dict[str, Any]) -> str:
    default = value.get("default")
    return "none" if default in (None, {}, []) or isinstance(default, dict) else f"`{json.dumps(default)}`"


def _kind(value: dict[str, Any], known: dict[str, Any]) -> str:
    target = _target(value, known)
    if "$comment" in target:
        return str(target["$comment"])
    if "const" in target or "enum" in target:
        return ", ".join(f"`{word}`" for word in target.get("enum", [target.get("const")]))
    if "patternProperties" in target:
        return f"mapping of names, each {_kind(_named(target), known)}"
    kinds = {"object": "section", "boolean": "`true` or `false`", "string": "text"}
    match target["type"]:
        case "array":
            return f"list, each {_kind(target['items'], known)}"
        case "integer":
            return f"whole number, {target['minimum']} to {target['maximum']}"
        case plain:
            return kinds[plain]

"""The templates of linker variables: `{kubernetes.version}`, `{version}`, `{date}`."""

import re
from collections.abc import Iterable, Mapping

from builder.core.nearest import suggestion
from builder.recipe.cluster import BuiltCluster

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_OWN_FIELDS = ("date", "version")
_COMPONENT_FIELDS = ("major", "minor", "version")


def template_mistakes(template: str, components: Iterable[str]) -> list[str]:
    """What is wrong with `template` where `components` are the names that it may use."""
    mistakes = []
    for token in _TOKEN.finditer(template):
        if token[0] in {"{", "}"}:
            mistakes.append(f"a lone {token[0]!r}; write {token[0] * 2!r} for a brace as such")
        elif token[1] is not None and (mistake := _mistake_in(token[1], sorted(components))):
            mistakes.append(mistake)
    return mistakes


def variable_values(variables: Mapping[str, str], cluster: BuiltCluster, *, date: str) -> dict[str, str]:
    """`variables` (of `cluster` or one of its helpers) with every template filled in; `date` is the lock's, in RFC 3339."""
    names = {"version": cluster.version, "date": date}
    for name, component in cluster.components.items():
        names[f"{name}.version"] = component.version
        names[f"{name}.major"] = component.major
        names[f"{name}.minor"] = component.minor
    return {variable: _fill(template, names) for variable, template in variables.items()}


def _fill(template: str, names: Mapping[str, str]) -> str:
    return _TOKEN.sub(lambda token: token[0][0] if token[1] is None else names[token[1]], template)


def _mistake_in(name: str, components: list[str]) -> str:
    component, dot, field = name.partition(".")
    if not dot:
        if name in _OWN_FIELDS:
            return ""
        known = [*_OWN_FIELDS, *(f"{each}.{field}" for each in components for field in _COMPONENT_FIELDS)]
        return f"unknown name {name!r}{suggestion(name, 'allowed', known)}"
    if component not in components:
        return f"unknown component {component!r}{suggestion(component, 'allowed', components)}"
    if field not in _COMPONENT_FIELDS:
        return f"unknown field {field!r} of {component}{suggestion(field, 'allowed', _COMPONENT_FIELDS)}"
    return ""

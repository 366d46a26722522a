"""The images that Kubernetes manifests can need, of whatever kind: everything that has containers is looked into."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from builder.core.errors import BuilderError, RecipeError
from builder.oci.reference import Reference

_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_ALWAYS, _LATEST = "Always", ":latest"
_SUFFIXES = (".yaml", ".yml", ".json")
_CLUSTER_CONFIG = "ClusterConfig"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A place (`file:line`) that names an image; `always` where the kubelet would pull it each time, which no bundle helps."""

    reference: str
    place: str
    always: bool = False


@dataclass(slots=True, kw_only=True)
class Found:
    """What files name: images, configurations of clusters by the file that has them, and what cannot be understood."""

    uses: list[Use] = field(default_factory=list)
    configs: list[tuple[str, yaml.MappingNode]] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)


def manifest_files(path: Path) -> list[Path]:
    """The file at `path`, or the manifests in the directory there."""
    if path.is_dir():
        return sorted(one for one in path.rglob("*") if one.suffix in _SUFFIXES and one.is_file())
    return [path]


def read_manifests(files: Mapping[str, Path]) -> Found:
    """What is in `files`, which are told by the names that they stand under; `RecipeError` for all that is no manifest."""
    found = Found()
    for shown, path in files.items():
        try:
            text = path.read_text()
            for document in yaml.compose_all(text, Loader=yaml.SafeLoader):
                _look_into(document, shown, found)
        except OSError as error:
            found.mistakes.append(f"{shown}: {error.strerror}")
        except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
            mark = getattr(error, "problem_mark", None)
            line = f":{mark.line + 1}" if mark else ""
            found.mistakes.append(f"{shown}{line}: {getattr(error, 'problem', None) or 'it is no YAML'}")
    if found.mistakes:
        raise RecipeError(
            "these manifests cannot be understood", details=found.mistakes, hint="templates have to be rendered first"
        )
    return found


def _look_into(document: yaml.Node | None, shown: str, found: Found) -> None:
    if isinstance(document, yaml.MappingNode) and text_at(document, "kind") == _CLUSTER_CONFIG:
        found.configs.append((shown, document))
    waiting = [document] if document else []
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            waiting += [value for _, value in node.value]
            for key in _CONTAINERS:
                for container in _items(node, key):
                    _note(container, "image", shown, found)
            for volume in _items(node, "volumes"):
                image = _value(volume, "image")
                if isinstance(image, yaml.MappingNode):
                    _note(image, "reference", shown, found)


def _note(node: yaml.Node, key: str, shown: str, found: Found) -> None:
    """The image that `node` names under `key`; an empty one is what a controller fills in, such as a sidecar's."""
    image = _value(node, key)
    if image is None:
        return
    place = f"{shown}:{image.start_mark.line + 1}"
    if not isinstance(image, yaml.ScalarNode):
        found.mistakes.append(f"{place}: {key} is no text: is this a template?")
        return
    if not image.value:
        return
    try:
        reference = str(Reference.parse(image.value))
    except BuilderError as error:
        found.mistakes.append(f"{place}: {error.brief}")
        return
    policy = text_at(node, "imagePullPolicy") or text_at(node, "pullPolicy")
    always = policy == _ALWAYS or (not policy and reference.endswith(_LATEST))
    found.uses.append(Use(reference=reference, place=place, always=always))


def _items(node: yaml.MappingNode, key: str) -> Iterator[yaml.Node]:
    value = _value(node, key)
    if isinstance(value, yaml.SequenceNode):
        yield from value.value


def _value(node: yaml.Node, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def text_at(node: yaml.Node, *keys: str) -> str:
    """The single value that `keys` lead to, empty where there is none."""
    value: yaml.Node | None = node
    for key in keys:
        value = _value(value, key) if value else None
    return str(value.value) if isinstance(value, yaml.ScalarNode) else ""

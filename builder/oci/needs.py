"""Which images a cluster can need: the system's own, by its configuration, and those of manifests."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from builder.core.errors import BuilderError, RecipeError
from builder.oci.problems import Problem
from builder.oci.reference import Reference
from builder.oci.workloads import Found, read_manifests, text_at

_SYSTEM = "the system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What must be in a bundle, by reference, each with the places that need it; and what no bundle can help."""

    places: Mapping[str, Sequence[str]] = field(default_factory=dict)
    hopeless: tuple[Problem, ...] = ()


def find_needs(system: Mapping[str, str], files: Mapping[str, Path]) -> Needs:
    """What the `system` images (references by name) and `files` (manifests and configurations by shown name) need.

    `RecipeError` for files that cannot be understood.
    """
    found = read_manifests(files)
    places: dict[str, list[str]] = defaultdict(list)
    for reference in system_references(system, found).values():
        places[reference].append(_SYSTEM)
    for use in found.uses:
        places[use.reference].append(use.place)
    hopeless = {
        Problem(
            subject=use.reference,
            what=f"{use.place} has it pulled at every start: give it a tag that is not latest, and no imagePullPolicy Always",
        )
        for use in found.uses
        if use.always
    }
    return Needs(places=dict(places), hopeless=tuple(sorted(hopeless)))


def system_references(system: Mapping[str, str], found: Found) -> dict[str, str]:
    """The references of `system` images as `spec.images` of the configuration changes them."""
    changed = dict(system)
    for shown, config in found.configs:
        for name, reference in changed.items():
            try:
                changed[name] = _changed(name, Reference.parse(reference), config)
            except BuilderError as error:
                raise RecipeError(f"{shown}: spec.images: {error.brief}", hint=error.hint) from None
    return changed


def _changed(name: str, reference: Reference, config: yaml.MappingNode) -> str:
    """`spec.images.NAME` has an image and a version; `spec.images.repository` then stands in place of the registry."""
    image = text_at(config, "spec", "images", name, "image") or f"{reference.host}/{reference.path}"
    repository = text_at(config, "spec", "images", "repository")
    if repository:
        image = f"{repository}/{_without_registry(image)}"
    return str(Reference.parse(f"{image}:{text_at(config, 'spec', 'images', name, 'version') or reference.tag}"))


def _without_registry(image: str) -> str:
    """The path of an image; its first part is a registry if it looks like a host, as in Docker's names."""
    first, _, path = image.partition("/")
    return path if path and (first == "localhost" or {".", ":"} & set(first)) else image

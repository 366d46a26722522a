"""Reads knowledge from its directory, and only what a set of packages can need."""

from collections.abc import Collection, Mapping
from pathlib import Path

from builder.rootfs.knowledge.model import Knowledge, read_ids, read_scripts, read_snippets

SNIPPETS, IDS, PACKAGES = "snippets.yaml", "ids.yaml", "packages"


def knowledge_files(directory: Path, packages: Collection[str]) -> Mapping[str, Path]:
    """The files below `directory` that say something about `packages`, by their path in it.

    A file is named after the package that it is about, or `PREFIX-any.yaml` where it is about all whose names begin so.
    """
    found = {name: directory / name for name in (SNIPPETS, IDS)}
    for path in sorted((directory / PACKAGES).glob("*.yaml")):
        prefix = path.stem.removesuffix("-any")
        fits = path.stem in packages or (prefix != path.stem and any(one.startswith(prefix) for one in packages))
        if fits:
            found[f"{PACKAGES}/{path.name}"] = path
    return found


def read_knowledge(files: Mapping[str, Path]) -> Knowledge:
    """What `files` (see `knowledge_files`) say; `RecipeError` for mistakes in them."""
    texts = {name: path.read_text() for name, path in files.items()}
    scripts = [one for name, text in texts.items() if "/" in name for one in read_scripts(text, str(files[name]))]
    return Knowledge(
        snippets=read_snippets(texts[SNIPPETS], str(files[SNIPPETS])),
        scripts=tuple(scripts),
        ids=read_ids(texts[IDS], str(files[IDS])),
    )

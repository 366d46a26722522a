from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest

from builder.core.errors import RecipeError
from builder.recipe.load import LoadedRecipe, load_recipe

GOOD = """\
name: edge
architectures: [armv7]
toolchains:
  go: 1.26.8
  go_bootstrap: 1.27.3
  zig: 0.17.1
cluster:
  name: kedge
  version: 0.1.0
  source: ../cluster
  components:
    kubernetes:
      version: v1.37.2
      module: k8s.io/kubernetes
"""

Files: TypeAlias = Mapping[str, str | bytes]
Load: TypeAlias = Callable[..., LoadedRecipe]
Mistakes: TypeAlias = Callable[..., list[str]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """`load(files, overrides)`: write `files`, load `r.yaml`. `good.yaml` is always there: a complete recipe."""

    def write_and_load(files: Files, overrides: Sequence[str] = (), main: str = "r.yaml") -> LoadedRecipe:
        for name, content in {"good.yaml": GOOD, **files}.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return load_recipe(Path(main), overrides, cwd=tmp_path)

    return write_and_load


@pytest.fixture
def mistakes(load: Load) -> Mistakes:
    """`mistakes(files, overrides)`: the lines that loading them reports; empty where they are a good recipe."""

    def lines(files: Files, overrides: Sequence[str] = (), main: str = "r.yaml") -> list[str]:
        try:
            load(files, overrides, main)
        except RecipeError as error:
            return list(error.details)
        return []

    return lines

"""What the user chose to measure, and where."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.checkout import Checkout
from benchmarks.git import git
from builder.app.project import Project
from builder.core.arch import Arch, host_arch
from builder.io.files import remove_tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A one-line change in the Go module: `text`, which stands in the file `path`, gets a number at its end."""

    path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Everything that groups are told.

    `project` is this checkout with the user's cache; `scratch` a directory for clones and caches; `rounds` is None where
    each group takes its own number. `python` runs this program.
    """

    project: Project
    environment: Mapping[str, str]
    python: str
    scratch: Path
    recipe: str
    arch: Arch
    edit: Edit
    rounds: int | None

    @contextmanager
    def place(self) -> Iterator[Path]:
        """An empty directory, removed afterwards."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        root = Path(mkdtemp(dir=self.scratch, prefix="benchmark."))
        try:
            yield root
        finally:
            remove_tree(root)

    def clone(self, root: Path, cache: Path) -> Checkout:
        """A fresh clone of this checkout's commit at `root` that works with the cache directory `cache`."""
        root.parent.mkdir(parents=True, exist_ok=True)
        git("clone", "--quiet", str(self.project.root), str(root), env=self.environment)
        environment = {**self.environment, "BUILDER_CACHE": str(cache)}
        # These belong to this program's Python, not to the clone's.
        for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "VIRTUAL_ENV"):
            environment.pop(name, None)
        return Checkout(project=Project(root=root, cache=cache, environment=environment), recipe=self.recipe)

    def built_kedge(self, root: Path) -> Path:
        """The executable of this checkout's commit for this machine, built in a clone below `root` with the user's cache."""
        checkout, arch = self.clone(root / "checkout", self.project.cache), host_arch()
        recipe = checkout.targets([arch])[0].step.id.partition("/")[0]
        checkout.make([arch])
        return checkout.project.root / "out" / recipe / arch / "kedge"


def default_scratch(cache: Path) -> Path:
    """Where clones and caches go unless the user says otherwise: on the file system whose speed matters."""
    return cache / "benchmarks"


def cores_of(declared: int) -> int:
    """The cores that a single step which can use `declared` gets on this machine."""
    return max(1, min(declared, len(os.sched_getaffinity(0))))

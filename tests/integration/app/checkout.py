"""A checkout like this one, with a small cluster in place of Kubernetes, so that a build takes a second."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.app.gomodule import GREETINGS, GoModule, publish

REPOSITORY = Path(__file__).resolve().parents[3]

RECIPE = """\
# The small cluster.
extends: [toolchains.yaml, cluster/tiny.yaml]
name: edge
architectures: [armv7, amd64]
outputs: [executable]
"""

CLUSTER = """\
cluster:
  name: tiny
  version: 1.2.3
  source: ../../cluster
  package: ./cmd/tiny
  components:
    greeting:
      version: v1.0.0
      module: example.org/greeting
  variables:
    tiny/internal/version.Version: "{version}"
  resources:
    cores: 2
    memory: 1 GiB
"""

GO_MOD = "module tiny\n\ngo 1.26\n\nrequire example.org/greeting v1.0.0\n"

MAIN = """\
// Command tiny says who it is.
package main

import (
\t"os"

\t"example.org/greeting"
\t"tiny/internal/version"
)

func main() {
\tos.Stdout.WriteString("tiny " + version.Version + ": " + greeting.Text() + "\\n")
}
"""

VERSION = '// Package version holds the version.\npackage version\n\nvar Version = "unset"\n'
MAIN_TEST = 'package main\n\nimport "testing"\n\nfunc TestNothing(t *testing.T) {}\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A checkout at `root`; `proxy` is the module proxy directory that its modules come from."""

    root: Path
    proxy: Path

    @property
    def recipe(self) -> Path:
        return self.root / "recipes" / "edge.yaml"

    @property
    def lock(self) -> Path:
        return self.root / "recipes" / "edge.lock"

    @property
    def cluster(self) -> Path:
        return self.root / "cluster"

    @property
    def cluster_recipe(self) -> Path:
        return self.root / "recipes" / "cluster" / "tiny.yaml"

    @property
    def main(self) -> Path:
        return self.cluster / "cmd" / "tiny" / "main.go"

    @property
    def out(self) -> Path:
        return self.root / "out"

    def read_lock(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.lock.read_text())
        return content

    def write_lock(self, content: object) -> None:
        self.lock.write_text(json.dumps(content, indent=2) + "\n")

    def publish(self, module: GoModule) -> None:
        """Add a module to the proxy."""
        module.publish(self.proxy)


def replace(path: Path, old: str, new: str) -> None:
    """Replace the one occurrence of `old` in the file at `path`."""
    text = path.read_text()
    assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {path}"
    path.write_text(text.replace(old, new))


def make_checkout(place: Path) -> Checkout:
    """The builder as it is, and a small cluster, in the new directory `place`."""
    root = place / "checkout"
    shutil.copytree(REPOSITORY / "builder", root / "builder", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("builderw", "scripts", "requirements"):
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, root / name)
        else:
            shutil.copy2(source, root / name)
    toolchain_pins = json.loads((REPOSITORY / "recipes" / "edge.lock").read_text())
    del toolchain_pins["debian"]
    files = {
        "recipes/edge.yaml": RECIPE,
        "recipes/toolchains.yaml": (REPOSITORY / "recipes" / "toolchains.yaml").read_text(),
        "recipes/cluster/tiny.yaml": CLUSTER,
        "recipes/edge.lock": json.dumps(toolchain_pins, indent=2) + "\n",
        "cluster/go.mod": GO_MOD,
        "cluster/go.sum": GREETINGS[0].sums,
        "cluster/cmd/tiny/main.go": MAIN,
        "cluster/cmd/tiny/main_test.go": MAIN_TEST,
        "cluster/internal/version/version.go": VERSION,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return Checkout(root=root, proxy=publish(GREETINGS, place / "proxy"))

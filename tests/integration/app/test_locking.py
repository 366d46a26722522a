"""`builder lock`: checking, moving and moving back pins."""

import shutil
import subprocess
from pathlib import Path

import pytest

from builder.core.arch import host_arch
from builder.core.errors import ExitCode
from tests.integration.app import checkout as files
from tests.integration.app.checkout import Checkout
from tests.integration.app.driver import Builder, tree
from tests.integration.app.gomodule import GoModule

MINE = """\
extends: edge.yaml
name: mine
cluster:
  components:
    greeting:
      version: v1.1.0
"""


@pytest.fixture
def mine(checkout: Checkout) -> Path:
    """A recipe of a user's own that raises a version, with the lock of the recipe that it extends."""
    recipe = checkout.recipe.with_name("mine.yaml")
    recipe.write_text(MINE)
    shutil.copy(checkout.lock, recipe.with_suffix(".lock"))
    return recipe


def test_a_lock_that_fits(builder: Builder, checkout: Checkout) -> None:
    before = tree(checkout.lock.parent)
    assert builder.good("lock").out == f"{checkout.lock} fits the recipe\n"
    assert builder.good("lock", "--update", "-q").out == "the lock fits the recipe; nothing changed\n"
    assert tree(checkout.lock.parent) == before


def test_a_lock_that_does_not_fit(builder: Builder, mine: Path) -> None:
    result = builder.run("lock", mine.stem)
    assert result.code == ExitCode.USAGE
    assert result.err == (
        "error: recipes/mine.lock does not match the recipe\n"
        "  recipes/mine.yaml:6:16: cluster.components.greeting.version is v1.1.0, "
        "but cluster/go.mod (example.org/greeting) has v1.0.0\n"
        "hint: if the recipe is right, run 'builder lock --update' and commit the new lock\n"
    )


def test_a_raised_version_is_locked_built_and_taken_back(builder: Builder, checkout: Checkout, mine: Path) -> None:
    source, recipes = tree(checkout.cluster), tree(mine.parent)
    assert builder.good("lock", "mine", "--update", "-q").out == (
        "Go modules: ../cluster/go.mod, ../cluster/go.sum -> mine.go.mod, mine.go.sum\n"
        f"wrote {mine.with_suffix('.lock')}\n"
    )
    assert tree(checkout.cluster) == source
    assert tree(mine.parent).keys() - recipes.keys() == {"mine.go.mod", "mine.go.sum"}
    assert "example.org/greeting v1.1.0" in mine.with_suffix(".go.mod").read_text()

    builder.good("make", "mine", "-q", "--set", f"architectures=[{host_arch()}]")
    program = checkout.out / "mine" / host_arch() / "tiny"
    assert subprocess.run([program], capture_output=True, text=True, check=True).stdout == "tiny 1.2.3: good morning\n"
    build_info = builder.good("tool", "go", "version", "-m", str(program)).out
    assert "\tdep\texample.org/greeting\tv1.1.0\th1:" in build_info

    files.replace(mine, "v1.1.0", "v1.0.0")
    builder.good("lock", "mine", "--update", "-q")
    assert builder.good("lock", "mine").out.endswith("fits the recipe\n")
    assert tree(mine.parent).keys() == recipes.keys()
    assert tree(checkout.cluster) == source


def test_only_the_modules_are_resolved_anew(builder: Builder, checkout: Checkout) -> None:
    before = tree(checkout.lock.parent)
    builder.good("lock", "--update", "--only", "modules", "-q")
    assert tree(checkout.lock.parent) == before


def test_versions_that_do_not_go_together(builder: Builder, checkout: Checkout) -> None:
    needy = {
        "go.mod": "module example.org/needy\n\ngo 1.26\n\nrequire example.org/greeting v1.1.0\n",
        "needy.go": 'package needy\n\nimport "example.org/greeting"\n\nvar Text = greeting.Text()\n',
    }
    checkout.publish(GoModule(path="example.org/needy", version="v1.0.0", files=needy))
    files.replace(checkout.main, "import (\n", 'import (\n\t_ "example.org/needy"\n')
    component = "    needy:\n      version: v1.0.0\n      module: example.org/needy\n"
    files.replace(checkout.cluster_recipe, "  variables:\n", f"{component}  variables:\n")
    before = tree(checkout.root / "recipes")
    result = builder.run("lock", "--update", "-q")
    assert result.code == ExitCode.USAGE
    assert "error: these versions do not go together\n  recipes/cluster/tiny.yaml:8:16: " in result.err
    assert "cluster.components.greeting.version is v1.0.0" in result.err
    assert "(example.org/greeting) has v1.1.0" in result.err
    assert "hint: another component needs the newer version that was chosen; ask for that one" in result.err
    assert tree(checkout.root / "recipes") == before


SMALLER = """\
extends: edge.yaml
name: smaller
cluster:
  tags: [slim]
"""


def test_a_recipe_without_a_lock_uses_that_of_the_recipe_it_extends(builder: Builder, checkout: Checkout) -> None:
    smaller = checkout.recipe.with_name("smaller.yaml")
    smaller.write_text(SMALLER)
    assert builder.good("lock", "smaller").out == f"{checkout.lock} fits the recipe\n"
    assert builder.good("lock", "smaller", "--update", "-q").out == "the lock fits the recipe; nothing changed\n"
    assert not smaller.with_suffix(".lock").exists()


def test_a_pin_of_its_own_makes_a_lock_of_its_own_out_of_the_inherited_one(
    builder: Builder, checkout: Checkout
) -> None:
    before = checkout.lock.read_bytes()
    smaller = checkout.recipe.with_name("smaller.yaml")
    smaller.write_text(f"{SMALLER}  components:\n    greeting:\n      version: v1.1.0\n")
    assert builder.run("lock", "smaller").code == ExitCode.USAGE
    # The toolchains' pins are taken over: nothing of them is asked of a registry, or even said.
    assert builder.good("lock", "smaller", "--update", "-q").out == (
        "Go modules: ../cluster/go.mod, ../cluster/go.sum -> smaller.go.mod, smaller.go.sum\n"
        f"wrote {smaller.with_suffix('.lock')}\n"
    )
    assert builder.good("lock", "smaller").out.endswith("smaller.lock fits the recipe\n")
    assert checkout.lock.read_bytes() == before

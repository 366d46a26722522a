"""Recipes, locks and command lines that are wrong: every mistake at once, each at its place, and nothing done."""

import json

import pytest

from builder.core.errors import ExitCode
from tests.integration.app.checkout import Checkout, replace
from tests.integration.app.driver import Builder, tree


def refused(builder: Builder, *arguments: str) -> str:
    """What a run says that is refused before anything happens."""
    before = tree(builder.checkout.root / "recipes"), builder.entries()
    result = builder.run("make", *arguments)
    assert result.code == ExitCode.USAGE, result.err
    assert result.out == ""
    assert "Traceback" not in result.err
    assert not builder.checkout.out.exists()
    assert (tree(builder.checkout.root / "recipes"), builder.entries()) == before
    return result.err


def test_every_mistake_is_told_at_its_line(builder: Builder, checkout: Checkout) -> None:
    replace(checkout.recipe, "outputs:", "output:")
    replace(checkout.cluster_recipe, "memory: 1 GiB", "memory: 1 GB")
    told = refused(builder).splitlines()
    assert told[0] == f"error: 2 mistakes in the recipe {checkout.recipe}"
    assert told[1].startswith("  recipes/cluster/tiny.yaml:14:13: cluster.resources.memory: ")
    assert told[2].startswith("  recipes/edge.yaml:5:1: output: unknown key; did you mean 'outputs'?")
    assert told[3] == "hint: every key is explained in docs/reference/recipe.md"


def test_an_architecture_that_the_recipe_does_not_name(builder: Builder) -> None:
    assert refused(builder, "--arch", "arm64", "--arch", "armv7") == (
        "error: the recipe 'edge' is not for arm64\nhint: it names armv7, amd64 (recipes/edge.yaml:4:16)\n"
    )


def test_an_architecture_that_nobody_knows(builder: Builder) -> None:
    assert "'riscv64' is not one of 'armv7', 'arm64', 'amd64'" in refused(builder, "--arch", "riscv64")


def test_a_recipe_that_does_not_exist(builder: Builder) -> None:
    assert refused(builder, "egde") == (
        "error: there is no recipe 'egde'\nhint: name one of edge, toolchains, or give the path of a .yaml file\n"
    )


def test_a_source_that_does_not_exist(builder: Builder, checkout: Checkout) -> None:
    replace(checkout.cluster_recipe, "../../cluster", "../../clutser")
    assert refused(builder) == (
        "error: recipes/cluster/tiny.yaml:4:11: there is no directory clutser\n"
        "hint: cluster.source names the directory of the executable's Go module\n"
    )


def test_a_missing_lock(builder: Builder, checkout: Checkout) -> None:
    checkout.lock.unlink()
    assert refused(builder) == (
        f"error: {checkout.lock}: there is no lock yet, so nothing is pinned\nhint: run 'builder lock --update'\n"
    )


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b'{"lock": 1, "epoch_s"', "the file: Invalid JSON: EOF while parsing an object at line 1 column 21"),
        (b"\xff\xfe", "the file: Invalid JSON: expected value at line 1 column 1"),
        (b"[]", "the file: Input should be an object"),
        (b"", "the file: Invalid JSON: EOF while parsing a value at line 1 column 0"),
    ],
)
def test_a_damaged_lock(builder: Builder, checkout: Checkout, content: bytes, what: str) -> None:
    checkout.lock.write_bytes(content)
    assert refused(builder) == (
        f"error: {checkout.lock}: the lock cannot be read\n  {checkout.lock}: {what}\n"
        "hint: restore it from version control, or run 'builder lock --update'\n"
    )


def test_a_lock_of_another_form(builder: Builder, checkout: Checkout) -> None:
    content = checkout.read_lock()
    content["go"]["sums"]["amd64"] = "sha256:00"
    content["modules"]["go_work"] = "go.work"
    checkout.write_lock(content)
    told = refused(builder)
    assert f"{checkout.lock}: go.sums.amd64: String should match pattern" in told
    assert f"{checkout.lock}: modules.go_work: Extra inputs are not permitted" in told


def test_a_directory_in_place_of_the_lock(builder: Builder, checkout: Checkout) -> None:
    checkout.lock.unlink()
    checkout.lock.mkdir()
    assert refused(builder) == f"error: {checkout.lock}: the lock cannot be read: Is a directory\n"


def test_every_pin_that_does_not_match_is_told(builder: Builder, checkout: Checkout) -> None:
    go = json.loads(checkout.lock.read_text())["go"]["version"]
    replace(checkout.root / "recipes/toolchains.yaml", f"go: {go}", "go: 1.99.1")
    replace(checkout.cluster_recipe, "version: v1.0.0", "version: v1.1.0")
    assert refused(builder, "--set", "toolchains.zig=0.99.0") == (
        "error: recipes/edge.lock does not match the recipe\n"
        f"  recipes/toolchains.yaml:4:7: toolchains.go is 1.99.1, but the lock has {go}\n"
        "  --set toolchains.zig=0.99.0: toolchains.zig is 0.99.0, but the lock has 0.17.1\n"
        "  recipes/cluster/tiny.yaml:8:16: cluster.components.greeting.version is v1.1.0, "
        "but cluster/go.mod (example.org/greeting) has v1.0.0\n"
        "hint: if the recipe is right, run 'builder lock --update' and commit the new lock\n"
    )


def test_a_lock_without_this_kind_of_machine(builder: Builder, checkout: Checkout) -> None:
    content = checkout.read_lock()
    content["go"]["sums"] = {"armv7": next(iter(content["go"]["sums"].values()))}
    checkout.write_lock(content)
    result = builder.run("make")
    assert result.code == ExitCode.MISSING_TOOL
    assert "the lock pins no Go for a machine of architecture" in result.err
    assert "hint: it can be built on: armv7" in result.err


def test_a_malformed_go_mod(builder: Builder, checkout: Checkout) -> None:
    (checkout.cluster / "go.mod").write_text("module tiny\n\nrequire example.org/greeting\n")
    assert refused(builder).startswith("error: ")
    assert "cluster/go.mod:3: expected 'module version'\n  require example.org/greeting\n" in refused(builder)


def test_a_missing_go_sum(builder: Builder, checkout: Checkout) -> None:
    (checkout.cluster / "go.sum").unlink()
    assert "cluster/go.sum: No such file or directory" in refused(builder)


def test_an_unknown_form_of_events(builder: Builder) -> None:
    assert refused(builder, "--events", "xml") == "error: --events xml: unknown form\nhint: the only form is json\n"


def test_debug_shows_where_an_error_comes_from(builder: Builder, checkout: Checkout) -> None:
    checkout.lock.unlink()
    result = builder.run("--debug", "make")
    assert result.code == ExitCode.USAGE
    assert "Traceback (most recent call last)" in result.err
    assert result.err.endswith("hint: run 'builder lock --update'\n")

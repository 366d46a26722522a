"""The shipped recipes, and the files that are generated from the models."""

from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from builder.formats.yaml_source import parse_document
from builder.formats.yaml_tree import ListNode, MapNode, Node, ScalarNode, Source
from builder.recipe.cluster import BuiltCluster
from builder.recipe.load import load_recipe
from builder.recipe.schema import json_schema

ROOT = Path(__file__).parents[3]
# Knowledge, labs and scenarios lie beside recipes, and have schemas of their own.
KNOWLEDGE = {"ids.yaml", "snippets.yaml", "packages", "slim", "machines", "labs", "scenarios"}
RECIPES = sorted(
    path for file in (ROOT / "recipes").rglob("*.yaml") if not KNOWLEDGE & {*(path := file.relative_to(ROOT)).parts}
)


def plain(node: Node | None) -> object:
    if isinstance(node, MapNode):
        return {key: plain(entry.value) for key, entry in node.entries.items()}
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    return node.value if isinstance(node, ScalarNode) else None


def errors_by_schema(data: bytes) -> list[str]:
    source = Source(name="r.yaml", base=Path())
    value = plain(parse_document(data, source).root)
    return [error.message for error in Draft202012Validator(json_schema()).iter_errors(value)]


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_shipped_recipes_fit_the_schema_and_name_it(recipe: Path) -> None:
    data = (ROOT / recipe).read_bytes()
    assert errors_by_schema(data) == []
    marker, _, schema = data.decode().splitlines()[0].partition("$schema=")
    assert marker == "# yaml-language-server: "
    assert (ROOT / recipe.parent / schema).resolve() == ROOT / "schemas" / "recipe.schema.json"


def test_the_default_recipe_loads() -> None:
    loaded = load_recipe(Path("recipes/edge.yaml"), cwd=ROOT)
    assert [arch.value for arch in loaded.recipe.architectures] == ["armv7", "arm64", "amd64"]
    assert isinstance(loaded.recipe.cluster, BuiltCluster)
    assert loaded.recipe.cluster.source == ROOT / "cluster"
    boards = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "recipes/boards").glob("*.yaml"))
    assert sorted(str(file.relative_to(ROOT)) for file in loaded.files if file.parent.name == "boards") == boards
    others = [file for file in loaded.files if file.parent.name != "boards"]
    assert [str(file.relative_to(ROOT)) for file in others] == [
        "recipes/edge.yaml",
        "recipes/toolchains.yaml",
        "recipes/debian.yaml",
        "recipes/debian/rootfs.yaml",
        "recipes/device.yaml",
        "recipes/cluster/kedge.yaml",
        "recipes/images/pause.yaml",
        "recipes/boards.yaml",
        "recipes/image.yaml",
    ]


BAD_IN_ONE_FILE = [
    "nmae: x\n",
    "name: Edge\n",
    "name: 5\n",
    "architectures: [arm]\n",
    "architectures: []\n",
    "architectures: [armv7, armv7]\n",
    "architectures: armv7\n",
    "outputs: [picture]\n",
    "toolchains: {go: 1.10}\n",
    "toolchains: {go: '1.26'}\n",
    "cluster: kedge\n",
    "cluster: {source: ''}\n",
    "cluster: {package: cmd}\n",
    "cluster: {tags: [a b]}\n",
    "cluster: {components: {K8s: {version: v1.0.0}}}\n",
    "cluster: {components: {k8s: {version: 1.0.0}}}\n",
    "cluster: {components: {k8s: {staging: yes}}}\n",
    "cluster: {components: {k8s: {versoin: v1.0.0}}}\n",
    "cluster: {variables: {gitMajor: x}}\n",
    "cluster: {variables: {a.b/c.D: 5}}\n",
    "cluster: {variables: {a.b/c.D: '\"'}}\n",
    "cluster: {resources: {cores: 0}}\n",
    "cluster: {resources: {memory: 5 GB}}\n",
    "extends: {a: b}\n",
    "extends: ['']\n",
]


@pytest.mark.parametrize("body", BAD_IN_ONE_FILE)
def test_schema_and_loader_refuse_the_same(body: str, mistakes: Callable[..., list[str]]) -> None:
    assert errors_by_schema(body.encode())
    text = body if body.startswith("extends") else f"extends: good.yaml\n{body}"
    assert mistakes({"r.yaml": text})


@pytest.mark.parametrize(
    "body",
    [
        "extends: good.yaml\n",
        "extends: [good.yaml]\ncluster: {components: {kubernetes: {version: v1.37.3-rc.1}}}\n",
        "extends: good.yaml\ncluster: {resources: {memory: 512MiB}, tags: [], source: /a b/ö}\n",
    ],
)
def test_schema_and_loader_accept_the_same(body: str, mistakes: Callable[..., list[str]]) -> None:
    assert errors_by_schema(body.encode()) == []
    assert mistakes({"r.yaml": body}) == []


def test_the_schema_lets_a_file_drop_what_it_inherits() -> None:
    assert errors_by_schema(b"name: null\ncluster: {components: {kine: null}, variables: {a.b/c.D: null}}\n") == []

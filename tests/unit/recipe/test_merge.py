import os
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.core.arch import Arch
from builder.recipe.load import LoadedRecipe, load_recipe
from tests.unit.recipe.built import built

Load = Callable[..., LoadedRecipe]
Mistakes = Callable[..., list[str]]


def test_mappings_merge_and_everything_else_is_replaced(load: Load) -> None:
    recipe = load(
        {
            "r.yaml": "extends: [good.yaml, more.yaml]\narchitectures: [amd64]\ncluster: {tags: [c]}\n",
            "more.yaml": "name: more\ncluster:\n  tags: [a, b]\n  components:\n    kubernetes: {version: v1.37.3}\n"
            "    kine: {version: v0.17.5, module: github.com/k3s-io/kine}\n",
        }
    ).recipe
    assert recipe.name == "more"
    assert recipe.architectures == (Arch.AMD64,)
    assert built(recipe).tags == ("c",)
    assert {name: part.version for name, part in built(recipe).components.items()} == {
        "kubernetes": "v1.37.3",
        "kine": "v0.17.5",
    }
    assert built(recipe).components["kubernetes"].module == "k8s.io/kubernetes"


def test_later_files_win_over_earlier_ones(load: Load) -> None:
    files = {"a.yaml": "name: a\n", "b.yaml": "name: b\n"}
    assert load({**files, "r.yaml": "extends: [good.yaml, a.yaml, b.yaml]\n"}).recipe.name == "b"
    assert load({**files, "r.yaml": "extends: [good.yaml, b.yaml, a.yaml]\n"}).recipe.name == "a"


def test_extends_is_relative_to_the_file_that_names_it(load: Load) -> None:
    files = {
        "r.yaml": "extends: sub/a.yaml\n",
        "sub/a.yaml": "extends: [../good.yaml, deep/b.yaml]\n",
        "sub/deep/b.yaml": "name: deep\n",
    }
    loaded = load(files)
    assert loaded.recipe.name == "deep"
    assert loaded.origin("name") == "sub/deep/b.yaml:1:7"


def test_a_file_may_be_reached_on_two_ways(load: Load) -> None:
    loaded = load(
        {
            "r.yaml": "extends: [a.yaml, b.yaml]\n",
            "a.yaml": "extends: good.yaml\nname: a\n",
            "b.yaml": "extends: good.yaml\n",
        }
    )
    assert loaded.recipe.name == "edge"
    assert [file.name for file in loaded.files] == ["r.yaml", "a.yaml", "good.yaml", "b.yaml"]


def test_a_mistake_in_a_file_reached_on_two_ways_is_told_once(mistakes: Mistakes) -> None:
    files = {
        "r.yaml": "extends: [a.yaml, b.yaml]\n",
        "a.yaml": "extends: bad.yaml\n",
        "b.yaml": "extends: bad.yaml\n",
        "bad.yaml": "extends: good.yaml\nname: 01\n",
    }
    assert len(mistakes(files)) == 1


def test_null_drops_what_is_inherited(load: Load) -> None:
    base = "extends: good.yaml\ncluster:\n  tags: [a]\n  variables: {a.b/c.D: x}\n  components:\n    kine:\n"
    base += "      version: v0.17.5\n      module: github.com/k3s-io/kine\n"
    drop = "cluster:\n  tags: null\n  variables: ~\n  components:\n    kine:\n"
    loaded = load({"r.yaml": f"extends: base.yaml\n{drop}", "base.yaml": base})
    assert built(loaded.recipe).tags == ()
    assert built(loaded.recipe).variables == {}
    assert list(built(loaded.recipe).components) == ["kubernetes"]
    assert loaded.origin("cluster.tags") == "default"


def test_null_in_a_file_drops_from_those_named_before_it(load: Load) -> None:
    files = {"tags.yaml": "cluster: {tags: [a]}\n", "none.yaml": "cluster: {tags: null}\n"}
    dropped = load({**files, "r.yaml": "extends: [good.yaml, tags.yaml, none.yaml]\n"})
    assert built(dropped.recipe).tags == ()


def test_what_was_dropped_may_be_written_anew(load: Load) -> None:
    files = {
        "base.yaml": "extends: good.yaml\ncluster: {variables: {a.b/c.D: x}}\n",
        "none.yaml": "extends: base.yaml\ncluster: {variables: null}\n",
        "r.yaml": "extends: none.yaml\ncluster: {variables: {a.b/c.E: y}}\n",
    }
    assert built(load(files).recipe).variables == {"a.b/c.E": "y"}


def test_templates_may_not_name_a_dropped_component(mistakes: Mistakes) -> None:
    kine = (
        "cluster:\n  components: {kine: {version: v0.17.5, module: a.b/c}}\n  variables: {a.b/c.D: '{kine.version}'}\n"
    )
    files = {
        "base.yaml": f"extends: good.yaml\n{kine}",
        "r.yaml": "extends: base.yaml\ncluster: {components: {kine: null}}\n",
    }
    assert mistakes(files) == [
        "base.yaml:4:24: cluster.variables.\"a.b/c.D\": unknown component 'kine'; allowed: kubernetes"
    ]


def test_a_cycle_shows_who_names_whom(mistakes: Mistakes) -> None:
    files = {
        "r.yaml": "extends: [a.yaml]\n",
        "a.yaml": "extends:\n  - good.yaml\n  - sub/b.yaml\n",
        "sub/b.yaml": "# back again\nextends: ../a.yaml\n",
    }
    assert mistakes(files) == ["sub/b.yaml:2:10: extends in a circle: a.yaml:3:5 -> sub/b.yaml:2:10 -> a.yaml"]
    assert mistakes({"r.yaml": "extends: r.yaml\n"}) == ["r.yaml:1:10: extends in a circle: r.yaml:1:10 -> r.yaml"]


def test_a_cycle_through_a_symbolic_link_is_noticed(mistakes: Mistakes, tmp_path: Path) -> None:
    (tmp_path / "link.yaml").symlink_to("r.yaml")
    (line,) = mistakes({"r.yaml": "extends: link.yaml\n"})
    assert line.startswith("r.yaml:1:10: extends in a circle")


def test_a_chain_without_end_is_refused(mistakes: Mistakes) -> None:
    chain = {f"f{number}.yaml": f"extends: f{number + 1}.yaml\n" for number in range(100)}
    assert mistakes({**chain, "r.yaml": "extends: f0.yaml\n"}) == [
        "f62.yaml:1:10: more than 64 files extend each other in a chain"
    ]


def test_wrong_extends_are_told_where_they_stand(mistakes: Mistakes, tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    body = 'extends:\n  - god.yaml\n  - 5\n  - ""\n  - directory\n  - empty.yaml\n  - "a\\0b"\n  - list.yaml\n'
    assert mistakes({"r.yaml": body, "empty.yaml": "", "list.yaml": "- a\n"}) == [
        "list.yaml:1:1: a recipe is a mapping: lines of 'key: value', a space after the ':'",
        "r.yaml:2:5: god.yaml: no such file; did you mean 'good.yaml'?",
        "r.yaml:3:5: extends: must be a file name or a list of file names",
        "r.yaml:4:5: extends: must be a file name or a list of file names",
        "r.yaml:5:5: directory: this is a directory, not a file",
        "r.yaml:6:5: empty.yaml: the file is empty",
        "r.yaml:7:5: a\\x00b: this cannot be a file name",
    ]


@pytest.mark.parametrize("value", ["", "{a: b}", "null", "5"])
def test_extends_must_name_files(value: str, mistakes: Mistakes) -> None:
    (line,) = mistakes({"r.yaml": f"extends: {value}\n"})
    assert line.endswith("extends: must be a file name or a list of file names")


def test_mistakes_in_several_files_are_told_together(mistakes: Mistakes) -> None:
    files = {
        "r.yaml": "extends: [good.yaml, b.yaml, a.yaml, none.yaml]\nnmae: x\n",
        "a.yaml": "cluster:\n  version: 1.0\n  verzion: 1.0.0\n",
        "b.yaml": "name: [a\n",
    }
    assert mistakes(files, ["architectures=[arm]", "x"]) == [
        'a.yaml:2:12: cluster.version: must be text, not the number 1.0; put it in quotes: "1.0"',
        (
            "a.yaml:3:3: cluster.verzion: unknown key; did you mean 'version'?"
            " allowed: closed_sets, components, device, helpers, libraries, name, package, patches, resources, source,"
            " tags, variables, version"
        ),
        "b.yaml:1:7: '[' opens here, but a ',' or the closing ']' is missing",
        "r.yaml:1:38: none.yaml: no such file",
        (
            "r.yaml:2:1: nmae: unknown key; did you mean 'name'?"
            " allowed: architectures, boards, bundle, cluster, debian, extends, image, images, name, outputs, rootfs, toolchains"
        ),
        (
            "--set architectures=[arm]: architectures[0]: unknown architecture 'arm'; it is called armv7 here;"
            " known: armv7, arm64, amd64"
        ),
        "--set x: has no value; write key=value",
    ]


def test_what_an_unreadable_file_may_hold_is_not_called_missing(mistakes: Mistakes) -> None:
    assert mistakes({"r.yaml": "extends: none.yaml\nname: x\n"}) == ["r.yaml:1:10: none.yaml: no such file"]


def test_what_a_file_of_broken_yaml_may_hold_is_not_called_missing(mistakes: Mistakes) -> None:
    for body in ("name: [a\n", "- a\n"):
        (line,) = mistakes({"r.yaml": "extends: bad.yaml\nname: x\n", "bad.yaml": body})
        assert line.startswith("bad.yaml:1:")


def test_what_a_wrong_override_may_hold_is_not_called_missing(mistakes: Mistakes) -> None:
    assert mistakes({"r.yaml": "name: x\n"}, ["cluster=[a"]) == [
        "--set cluster=[a: '[' opens here, but a ',' or the closing ']' is missing"
    ]


def test_what_is_missing_is_told_at_the_last_file_that_names_its_section(mistakes: Mistakes) -> None:
    files = {
        "base.yaml": "extends: good.yaml\ncluster:\n  components:\n    kine: {version: v0.17.5}\n",
        "r.yaml": "extends: base.yaml\ncluster: {components: {kine: {version: v0.17.6}}}\n",
    }
    assert mistakes(files) == ["r.yaml:2:24: cluster.components.kine.module: is required, but missing"]


def test_relative_paths_start_at_the_file_that_writes_them(load: Load, tmp_path: Path) -> None:
    files = {
        "r.yaml": "extends: [good.yaml, sub/a.yaml]\n",
        "sub/a.yaml": "cluster: {source: ./kedge}\n",
    }
    assert built(load(files).recipe).source == tmp_path / "sub" / "kedge"
    assert built(load(files, ["cluster.source=x/../y"]).recipe).source == tmp_path / "y"
    assert built(load(files, ["cluster.source=/abs"]).recipe).source == Path("/abs")


def test_paths_with_spaces_and_other_letters(tmp_path: Path) -> None:
    here = tmp_path / "Zweig ä 漢"
    good = Path(__file__).parents[3] / "recipes"
    (here / "mit Leerzeichen").mkdir(parents=True)
    recipe = here / "mit Leerzeichen" / "größe 1.yaml"
    recipe.write_text(
        f"extends: '{os.path.relpath(good / 'edge.yaml', recipe.parent)}'\nname: x\ncluster: {{source: ../ö}}\n"
    )
    loaded = load_recipe(Path("mit Leerzeichen/größe 1.yaml"), cwd=here)
    assert loaded.origin("name") == "mit Leerzeichen/größe 1.yaml:2:7"
    assert built(loaded.recipe).source == here / "ö"
    assert loaded.origin("toolchains.go") == f"{good}/toolchains.yaml:4:7"

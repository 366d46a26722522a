from pathlib import Path

import pytest

from builder.app.project import find_project
from builder.app.workspace import module_sources
from builder.core.errors import RecipeError


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "clus ter"
    for name in (
        "go.mod", "go.sum", "main.go", "main_test.go", "README.md", ".hidden", "embed.txt", "a/a.go", "a/testdata/x.go",
        "_old/old.go", ".git/config", "nested/go.mod", "nested/nested.go",
    ):  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def sources(source: Path) -> set[str]:
    return set(module_sources(source, go_mod=source / "go.mod", go_sum=source / "go.sum"))


def test_what_shapes_a_build(source: Path) -> None:
    assert sources(source) == {"go.mod", "go.sum", "main.go", "embed.txt", "a/a.go"}


def test_go_mod_and_go_sum_come_from_where_the_lock_says(source: Path, tmp_path: Path) -> None:
    for name in ("mine.go.mod", "mine.go.sum"):
        (tmp_path / name).write_text(name)
    found = module_sources(source, go_mod=tmp_path / "mine.go.mod", go_sum=tmp_path / "mine.go.sum")
    assert found["go.mod"].path == tmp_path / "mine.go.mod"
    assert found["go.sum"].path == tmp_path / "mine.go.sum"
    assert found["main.go"].path == source / "main.go"


def test_whether_a_file_may_be_run_is_part_of_it(source: Path) -> None:
    (source / "embed.txt").chmod(0o755)
    found = module_sources(source, go_mod=source / "go.mod", go_sum=source / "go.sum")
    assert found["embed.txt"].executable
    assert not found["main.go"].executable


def test_a_file_that_cannot_be_read_is_named(source: Path) -> None:
    (source / "broken.go").symlink_to("nowhere.go")
    with pytest.raises(RecipeError, match=r"broken\.go: No such file or directory"):
        sources(source)


@pytest.mark.parametrize(
    ("environment", "cache"),
    [
        ({"BUILDER_CACHE": "/b", "XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/b"),
        ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/builder"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "", "BUILDER_CACHE": ""}, "/h/.cache/builder"),
    ],
)
def test_where_the_cache_lies(environment: dict[str, str], cache: str) -> None:
    assert find_project(environment).cache == Path(cache)


def test_a_recipe_by_name_or_by_path() -> None:
    project = find_project({})
    assert project.recipe_path("edge") == project.root / "recipes/edge.yaml"
    assert project.recipe_path("somewhere/my.yaml") == Path("somewhere/my.yaml")
    with pytest.raises(RecipeError, match="there is no recipe 'none'"):
        project.recipe_path("none")

"""What must hold between values of the section rootfs."""

from pathlib import Path

import pytest

from builder.core.errors import RecipeError
from builder.recipe.load import load_recipe

ROOT = Path(__file__).parents[3]


def mistakes(tmp_path: Path, section: str) -> list[str]:
    path = tmp_path / "mine.yaml"
    path.write_text(f"extends: {ROOT}/recipes/edge.yaml\nrootfs:\n{section}")
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, cwd=tmp_path)
    return list(caught.value.details)


def test_files_have_one_content(tmp_path: Path) -> None:
    section = """\
  files:
    /etc/a: {mode: "0600"}
    /etc/b: {content: x, source: y}
    /etc/c: {content: "", template: x, source: y}
    /etc/d: {content: ""}
"""
    assert mistakes(tmp_path, section) == [
        'mine.yaml:4:5: rootfs.files."/etc/a": needs content, template or source',
        'mine.yaml:5:5: rootfs.files."/etc/b": only one of content, source can be given',
        'mine.yaml:6:5: rootfs.files."/etc/c": only one of content, template, source can be given',
    ]


def test_inherited_contents_can_be_dropped(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(
        f"extends: {ROOT}/recipes/edge.yaml\nrootfs: {{files: {{/etc/a: {{content: x}}, /etc/b: {{content: x}}}}}}\n"
    )
    path = tmp_path / "mine.yaml"
    path.write_text("extends: base.yaml\nrootfs: {files: {/etc/a: {content: null, source: y}, /etc/b: null}}\n")
    section = load_recipe(path, cwd=tmp_path).recipe.rootfs
    assert section is not None
    assert list(section.files) == ["/etc/a"]


@pytest.mark.parametrize("name", ["arch", "recipe"])
def test_templates_know_some_names_already(tmp_path: Path, name: str) -> None:
    assert mistakes(tmp_path, f"  variables: {{{name}: x}}\n") == [
        f"mine.yaml:3:15: rootfs.variables.{name}: templates know it already; choose another name"
    ]


@pytest.mark.parametrize("name", ["if", "range"])
def test_names_of_jinja_are_taken(tmp_path: Path, name: str) -> None:
    assert mistakes(tmp_path, f"  variables: {{{name}: x}}\n") == [
        f"mine.yaml:3:15: rootfs.variables.{name}: it is a word of jinja2's own; choose another name"
    ]


@pytest.mark.parametrize("name", ["log-level", "Log", "1x", "_x"])
def test_names_for_templates_are_names_to_jinja(tmp_path: Path, name: str) -> None:
    (mistake,) = mistakes(tmp_path, f"  variables: {{{name}: x}}\n")
    assert "must be a name such as log_level" in mistake

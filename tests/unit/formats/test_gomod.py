from pathlib import Path

import pytest

from builder.core.errors import RecipeError
from builder.formats.gomod import read_module, read_replacements, read_requirements

GO_MOD = """\
module kedge

go 1.26 // the language

require k8s.io/kubernetes v1.37.2

require (
\tgithub.com/k3s-io/kine v0.17.5
\tgolang.org/x/sync v0.24.0 // indirect

\t// a comment alone
)

replace k8s.io/api => k8s.io/api v0.37.2

exclude (
\texample.org/bad v1.0.0
)

tool example.org/tool
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "go.mod"
    path.write_text(text)
    return path


def test_every_requirement_and_nothing_else(tmp_path: Path) -> None:
    assert read_requirements(written(tmp_path, GO_MOD)) == {
        "k8s.io/kubernetes": "v1.37.2",
        "github.com/k3s-io/kine": "v0.17.5",
        "golang.org/x/sync": "v0.24.0",
    }


def test_other_blocks_are_no_requirements(tmp_path: Path) -> None:
    text = "replace (\n\ta => b v1.0.0\n)\nretract (\n\tv1.0.0\n\tv1.1.0\n)\nrequire c v2.0.0\n"
    assert read_requirements(written(tmp_path, text)) == {"c": "v2.0.0"}


@pytest.mark.parametrize("text", ["require\n", "require a\n", "require a v1 v2\n", "require (\n\ta\n)\n"])
def test_a_malformed_requirement_is_named(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, f"module x\n\n{text}")
    line = 4 if "(" in text else 3
    with pytest.raises(RecipeError, match=rf"go\.mod:{line}: expected 'module version'"):
        read_requirements(path)


def test_an_empty_file_requires_nothing(tmp_path: Path) -> None:
    assert read_requirements(written(tmp_path, "")) == {}


def test_replacements(tmp_path: Path) -> None:
    path = tmp_path / "go.mod"
    path.write_text(
        GO_MOD + "replace (\n\texample.org/a v1.0.0 => ../a // a directory\n\texample.org/b => b.org v2.0.0\n)\n"
    )
    assert read_replacements(path) == {
        "k8s.io/api": ("k8s.io/api", "v0.37.2"),
        "example.org/a": ("../a", ""),
        "example.org/b": ("b.org", "v2.0.0"),
    }
    assert read_module(path) == "kedge"


def test_a_malformed_replacement_is_named(tmp_path: Path) -> None:
    path = tmp_path / "go.mod"
    path.write_text("module kedge\nreplace example.org/a\n")
    with pytest.raises(RecipeError, match=r"go\.mod:2: expected 'module => replacement'"):
        read_replacements(path)


def test_a_file_without_a_module(tmp_path: Path) -> None:
    path = tmp_path / "go.mod"
    path.write_text("go 1.26\n")
    with pytest.raises(RecipeError, match="does not name its module"):
        read_module(path)

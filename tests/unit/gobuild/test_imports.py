from pathlib import Path

from builder.gobuild.imports import files_of_package

FILES = {
    "go.mod": "module example.org/tiny // comment\n\ngo 1.26\n",
    "cmd/one/main.go": 'package main\n\nimport (\n\t"os"\n\n\talias "example.org/tiny/internal/a"\n)\n',
    "cmd/one/data.txt": "text",
    "cmd/two/main.go": 'package main\n\nimport "example.org/tiny/internal/b"\n',
    "internal/a/a.go": 'package a\n\nimport _ "example.org/tiny/internal/c"\n',
    "internal/b/b.go": "package b\n",
    "internal/c/c.go": 'package c\n\nimport "example.org/tiny/internal/a"\n',
    "internal/c/below/d.go": "package below\n",
}


def closure(place: Path, package: str) -> list[str]:
    places = {}
    for name, text in FILES.items():
        places[name] = place / name
        places[name].parent.mkdir(parents=True, exist_ok=True)
        places[name].write_text(text)
    return sorted(files_of_package(package, "example.org/tiny", FILES, places))


def test_a_package_brings_what_it_imports(tmp_path: Path) -> None:
    found = closure(tmp_path, "./cmd/one")
    assert found == ["cmd/one/data.txt", "cmd/one/main.go", "internal/a/a.go", "internal/c/c.go"]


def test_another_package_does_not(tmp_path: Path) -> None:
    assert closure(tmp_path, "./cmd/two") == ["cmd/two/main.go", "internal/b/b.go"]


def test_a_package_of_another_module_needs_none(tmp_path: Path) -> None:
    assert closure(tmp_path, "github.com/opencontainers/runc") == []

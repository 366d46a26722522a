"""What must hold between values of the section images."""

from pathlib import Path

import pytest

from builder.core.errors import RecipeError
from builder.recipe.load import load_recipe

ROOT = Path(__file__).parents[3]


def mistakes(tmp_path: Path, section: str) -> list[str]:
    path = tmp_path / "mine.yaml"
    path.write_text(f"extends: {ROOT}/recipes/edge.yaml\nimages:\n{section}")
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, cwd=tmp_path)
    return list(caught.value.details)


def test_an_image_has_one_origin(tmp_path: Path) -> None:
    section = """\
  a: {reference: "host.example/a:1"}
  b: {reference: "host.example/b:1", pull: registry, archive: x.tar}
  c: {reference: "host.example/c:1", pull: registry, user: "1"}
"""
    assert mistakes(tmp_path, section) == [
        "mine.yaml:3:3: images.a: needs layers, pull or archive",
        "mine.yaml:4:3: images.b: only one of pull, archive can be given",
        "mine.yaml:5:54: images.c.user: a ready-made image brings its own; only layers are given one",
    ]


def test_a_file_has_one_content(tmp_path: Path) -> None:
    section = """\
  a:
    reference: host.example/a:1
    layers:
      one:
        files:
          /a: {mode: "0600"}
          /b: {content: "", source: x}
          /c: {built: runk}
"""
    assert mistakes(tmp_path, section) == [
        'mine.yaml:8:11: images.a.layers.one.files."/a": needs one of built, go, c, source, content, link, directory',
        'mine.yaml:9:11: images.a.layers.one.files."/b": only one of source, content can be given',
        (
            "mine.yaml:10:23: images.a.layers.one.files.\"/c\".built: unknown executable 'runk'; did you mean 'runc'?"
            " known: cni, containerd-shim-runc-v2, kedge, runc"
        ),
    ]


def test_references_are_whole_and_differ(tmp_path: Path) -> None:
    section = """\
  a: {reference: nginx, archive: x}
  b: {reference: "kedge.local/pause:1.0.0", archive: x}
  c: {reference: "host.example/c", archive: x}
"""
    assert mistakes(tmp_path, section) == [
        "mine.yaml:3:18: images.a.reference: must be the whole reference: docker.io/library/nginx:latest",
        "mine.yaml:4:18: images.b.reference: kedge.local/pause:1.0.0 is what pause is called already",
        "mine.yaml:5:18: images.c.reference: must be the whole reference: host.example/c:latest",
    ]


def test_a_bundle_of_nothing_is_no_output(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "  pause: null\n") == [
        f"{ROOT}/recipes/edge.yaml:6:23: outputs: a bundle needs images, and the section images has none",
        f"{ROOT}/recipes/edge.yaml:12:13: bundle.embedded: needs images, and the section images has none",
    ]


def test_capabilities_are_those_of_linux(tmp_path: Path) -> None:
    section = """\
  a:
    reference: host.example/a:1
    layers: {one: {files: {/a: {content: x, capabilities: [net_bind]}}}}
"""
    assert mistakes(tmp_path, section) == [
        'mine.yaml:5:60: images.a.layers.one.files."/a".capabilities[0]: net_bind is no capability of Linux'
    ]


def test_a_part_of_a_bundle_has_some_size(tmp_path: Path) -> None:
    section = """\
  a: {reference: "host.example/a:1", pull: registry}
bundle: {part_size: 1000 KiB}
"""
    assert mistakes(tmp_path, section) == ["mine.yaml:4:21: bundle.part_size: must be at least 1 MiB"]


def test_a_bundle_is_embedded_where_there_are_images_and_kedge(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "bundle: {embedded: true}\n")[-1:] == [
        "mine.yaml:3:20: bundle.embedded: needs images, and the section images has none"
    ]
    section = """\
  a: {reference: "host.example/a:1", pull: registry}
bundle: {embedded: true}
cluster: {executables: {armv7: {file: kedge, sha256: %s}}}
"""
    told = mistakes(tmp_path, section % ("0" * 64))
    assert "mine.yaml:4:20: bundle.embedded: the cluster executable is imported" in "\n".join(told)


def test_packages_and_what_is_kept_of_them_are_given_together(tmp_path: Path) -> None:
    section = """\
  a: {reference: "host.example/a:1", layers: {one: {packages: [curl]}, two: {keep: [/usr/bin/curl]}}}
  b: {reference: "host.example/b:1", layers: {one: {packages: [curl], keep: [/usr/bin/curl]}}}
debian: {tools: null}
"""
    told = "\n".join(mistakes(tmp_path, section))
    assert "images.a.layers.one.packages: needs keep beside it" in told
    assert "images.a.layers.two.keep: needs packages beside it" in told
    assert "images.b.layers.one.packages: needs debian.tools and rootfs.knowledge" in told

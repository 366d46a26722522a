from pathlib import Path

import pytest

from builder.rootfs.customize.templates import render

VARIABLES = {"log_level": "info", "arch": "armv7", "recipe": "edge"}


def rendered(tmp_path: Path, text: str) -> tuple[str, list[str]]:
    path = tmp_path / "app.conf.j2"
    path.write_text(text)
    return render(path, "overlays/app.conf.j2", VARIABLES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("level={{ log_level }}\n", "level=info\n"),
        ("no newline at the end", "no newline at the end"),
        ("{{ recipe }}/{{ arch }}\n\n", "edge/armv7\n\n"),
        ("{% for n in range(3) %}{{ n }}{% endfor %}", "012"),
        ("{% if proxy is defined %}{{ proxy }}{% endif %}x", "x"),
        ("{{ proxy | default('none') }}", "none"),
        ("<{{ log_level | upper }}>&", "<INFO>&"),
        ("{% set x = 1 %}{{ x }}", "1"),
    ],
)
def test_what_a_template_knows_is_filled_in(tmp_path: Path, text: str, expected: str) -> None:
    assert rendered(tmp_path, text) == (expected, [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "a\n{{ log_levle }}",
            "2: 'log_levle' is not defined; did you mean 'log_level'? known: arch, log_level, recipe",
        ),
        ("{{ now() }}", "1: 'now' is not defined; known: arch, log_level, recipe"),
        ("{{ lipsum() }}", "1: 'lipsum' is not defined; known: arch, log_level, recipe"),
        ("a\n{% if %}", "2: Expected an expression, got 'end of statement block'"),
        ("{{ log_level | random }}", "1: No filter named 'random'."),
        ("\n\n{{ arch.bit_length.x }}", "3: 'str object' has no attribute 'bit_length'"),
        ("\n{{ 1 / 0 }}", "2: division by zero"),
        ("{% if proxy is defined %}x{% endif %}\n{{ proxy }}", "2: 'proxy' is undefined"),
        ("{{ arch.nothing }}", "1: 'str object' has no attribute 'nothing'"),
        ("{{ arch.__class__.__mro__ }}", "1: access to attribute '__class__' of 'str' object is unsafe."),
        (
            "\n{% include 'x' %}",
            "2: templates stand alone: include, import and extends have nothing to take from",
        ),
    ],
)
def test_mistakes_have_a_line_and_the_nearest_name(tmp_path: Path, text: str, expected: str) -> None:
    assert rendered(tmp_path, text) == ("", [f"overlays/app.conf.j2:{expected}"])


def test_all_unknown_names_are_told_at_once(tmp_path: Path) -> None:
    _, problems = rendered(tmp_path, "{{ one }}\n{{ two }}\n")
    assert [one.split(":")[1] for one in problems] == ["1", "2"]


def test_templates_are_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "x.j2"
    path.write_bytes(b"abc\xff")
    assert render(path, "x.j2", {}) == ("", ["x.j2: byte 3 is not UTF-8, which templates must be"])

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from builder.formats.yaml_compose import EventStream
from builder.formats.yaml_source import fastest_parser, parse_document, python_parser, read_document
from builder.formats.yaml_tree import BrokenNode, ListNode, MapNode, Node, ScalarNode, Source, shown_path

SOURCE = Source(name="f.yaml", base=Path("/somewhere"))
PARSERS = [pytest.param(fastest_parser, id="fastest"), pytest.param(python_parser, id="python")]


def plain(node: Node | None) -> object:
    if isinstance(node, MapNode):
        return {key: plain(entry.value) for key, entry in node.entries.items()}
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    if isinstance(node, ScalarNode):
        return node.value
    return "broken" if isinstance(node, BrokenNode) else None


def value_of(text: str) -> object:
    document = parse_document(f"key: {text}\n".encode(), SOURCE)
    assert document.problems == ()
    found = plain(document.root)
    assert isinstance(found, dict)
    return found["key"]


def problems_in(data: str | bytes, parser: Callable[[str], EventStream] = fastest_parser) -> list[str]:
    raw = data if isinstance(data, bytes) else data.encode()
    return [str(problem) for problem in parse_document(raw, SOURCE, parser=parser).problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("true", True), ("False", False),
        ("0", 0), ("12", 12), ("-5", -5), ("+5", 5), ("1.10", 1.1), ("1e3", 1000.0), (".5", 0.5),
        ("9223372036854775807", (1 << 63) - 1), ("-9223372036854775808", -(1 << 63)),
    ],
)  # fmt: skip
def test_unquoted_values_follow_the_core_rules_of_yaml_1_2(text: str, value: object) -> None:
    found = value_of(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "text",
    ["yes", "No", "on", "OFF", "y", "12:30:00", "2026-01-01", "2026-01-01 10:00:00", "1_000", "0x1F", "0o17", "0b11",
     ".inf", "-.INF", ".nan", "1.2.3", "v1.0.0", "=", "+", ".", "e5"],
)  # fmt: skip
def test_what_only_yaml_1_1_converts_stays_text(text: str) -> None:
    assert value_of(text) == text


def test_quoted_values_are_text() -> None:
    assert [value_of(text) for text in ['"1"', "'true'", '""', "'010'"]] == ["1", "true", "", "010"]


def test_a_value_keeps_what_was_written() -> None:
    root = parse_document(b"a: 1.10\n", SOURCE).root
    assert isinstance(root, MapNode)
    node = root.entries["a"].value
    assert isinstance(node, ScalarNode)
    assert (node.text, node.plain) == ("1.10", True)


def test_keys_are_text_whatever_they_look_like() -> None:
    document = parse_document(b"on: 1\n1.10: 2\nnull: 3\n~: 4\n", SOURCE)
    assert plain(document.root) == {"on": 1, "1.10": 2, "null": 3, "~": 4}


@pytest.mark.parametrize("parser", PARSERS)
def test_every_key_and_value_knows_its_place(parser: Callable[[str], EventStream]) -> None:
    text = "# ä\nérable: [a,\n  {b: c}]\n"
    root = parse_document(text.encode(), SOURCE, parser=parser).root
    assert isinstance(root, MapNode)
    entry = root.entries["érable"]
    assert isinstance(entry.value, ListNode)
    inner = entry.value.items[1]
    assert isinstance(inner, MapNode)
    places = [entry.key_place, entry.value.place, entry.value.items[0].place, inner.entries["b"].value.place]
    assert [str(place) for place in places] == ["f.yaml:2:1", "f.yaml:2:9", "f.yaml:2:10", "f.yaml:3:7"]


NOT_YAML: dict[str, tuple[str | bytes, list[str]]] = {
    "tab": ("a:\n\tb: 1\n", ["f.yaml:2:1: a tab cannot indent; use spaces"]),
    "bad start": ("a: @b\n", ["f.yaml:1:4: a value cannot start with '@'; put it in quotes"]),
    "unclosed list": ("a: [b\nc: d\n", ["f.yaml:1:4: '[' opens here, but a ',' or the closing ']' is missing"]),
    "unclosed mapping": ("a: {b: c\n", ["f.yaml:1:4: '{' opens here, but a ',' or the closing '}' is missing"]),
    "unclosed quote": ("a: 'b\n", ["f.yaml:1:4: the quote that opens here is never closed"]),
    "colon in value": (
        "a: b: c\n",
        ["f.yaml:1:5: a ':' is not expected here; quote a value that contains ': ', and check the indentation"],
    ),
    "dash in value": ("a: - b\n", ["f.yaml:1:4: a list item '- ' is not expected here; start the list on a new line"]),
    "text after a quote": (
        "a: 'b' c\n",
        ["f.yaml:1:8: this does not continue what stands above; check the indentation and the quotes"],
    ),
    "closing bracket": (
        "a: ]\n",
        ["f.yaml:1:4: a value is expected here; quote text that starts with a special character"],
    ),
    "key without colon": ("a: 1\nbb\nc: 2\n", ["f.yaml:2:1: this key has no ':' after it; write 'key: value'"]),
    "text after the end": ("a: 1\n...\nb: 2\n", ["f.yaml:3:1: the document has ended above; nothing may follow it"]),
    "surrogate": ('a: "\\ud800"\n', ["the escape names no Unicode character"]),
    "alias": (
        "a: &x b\nc: *x\n",
        [
            "f.yaml:1:4: anchors (&) are not supported; write values out, or share them through 'extends'",
            "f.yaml:2:4: aliases are not supported; write the value out, or share it through 'extends'",
        ],
    ),
    "tag": ("a: !!str 5\n", ["f.yaml:1:4: tags (!) are not supported; quotes make a value text"]),
    "own tag": ("a: !foo [b]\n", ["f.yaml:1:4: tags (!) are not supported; quotes make a value text"]),
    "merge key": ("<<: {a: b}\n", ["f.yaml:1:1: merging with '<<' is not supported; share values through 'extends'"]),
    "two documents": (
        "a: 1\n---\nb: 2\n",
        ["f.yaml:2:1: a second document starts here; only one is allowed in a file"],
    ),
    "directive": (
        "%YAML 1.1\n---\na: 1\n",
        ["f.yaml:1:1: YAML directives are not supported; remove the lines that start with '%'"],
    ),
    "key is a list": (
        "? [a]\n: b\n",
        ["f.yaml:1:3: a key must be text; quote text that starts with a special character"],
    ),
    "empty": ("", ["f.yaml: the file is empty"]),
    "only comments": ("# nothing\n\n", ["f.yaml: the file is empty"]),
    "too deep": ("a: " + "[" * 64 + "]" * 64, ["f.yaml:1:67: nested deeper than 64 levels"]),
    "too large": (b"#" * ((1 << 20) + 1), ["f.yaml: larger than 1 MiB, the limit for a file like this"]),
    "UTF-16": ("a: ä\n".encode("utf-16"), ["f.yaml: encoded as UTF-16; save it as UTF-8"]),
    "Latin-1": ("ä: 1\n# ".encode() + b"\xe4\n", ["f.yaml:2:3: byte 0xe4 is not UTF-8; save the file as UTF-8"]),
    "byte order mark": (
        b"\xef\xbb\xbfa: 1\n",
        ["f.yaml:1:1: starts with a byte order mark; save it as UTF-8 without one"],
    ),
    "CRLF": (b"a: 1\nb: 2\r\n", ["f.yaml:2:1: a carriage return ends the line; save with Unix line ends (LF)"]),
    "control character": (
        "a: ä\x07\n",
        ["f.yaml:1:5: the character U+0007 is not allowed; in double quotes it can be written as an escape"],
    ),
    "leading zero": (
        "a: 0123\n",
        ["f.yaml:1:4: a number with a leading zero is octal to some readers; write it without, or in quotes for text"],
    ),
    "huge integer": (
        f"a: {'9' * 5000}\n",
        ["f.yaml:1:4: the number does not fit into 64 bits; put it in quotes if it is text"],
    ),
    "integer of 65 bits": (
        "a: 9223372036854775808\n",
        ["f.yaml:1:4: the number does not fit into 64 bits; put it in quotes if it is text"],
    ),
    "huge float": ("a: 1e999\n", ["f.yaml:1:4: the number is out of range; put it in quotes if it is text"]),
    "duplicate keys": (
        "a: 1\nb:\n  c: 1\n  c: 2\na: 3\n",
        ["f.yaml:4:3: the key is written in line 3 already", "f.yaml:5:1: the key is written in line 1 already"],
    ),
    "several at once": (
        b"\xef\xbb\xbfa: 01\r\na: *x\r\nb: [\r\n",
        [
            "f.yaml:1:1: starts with a byte order mark; save it as UTF-8 without one",
            "f.yaml:1:1: a carriage return ends the line; save with Unix line ends (LF)",
            "f.yaml:1:4: a number with a leading zero is octal to some readers; write it without, or in quotes for text",
            "f.yaml:2:4: aliases are not supported; write the value out, or share it through 'extends'",
            "f.yaml:2:1: the key is written in line 1 already",
            "f.yaml:4:1: a value is expected here; quote text that starts with a special character",
        ],
    ),
}


@pytest.mark.parametrize("name", NOT_YAML)
def test_what_is_not_strict_yaml_is_told_with_its_place(name: str) -> None:
    data, expected = NOT_YAML[name]
    found = problems_in(data)
    if name == "surrogate":  # the parsers put it at different columns
        found = [line.partition(": ")[2] for line in found]
    assert found == expected


@pytest.mark.parametrize("name", NOT_YAML)
def test_both_parsers_refuse_the_same(name: str) -> None:
    assert problems_in(NOT_YAML[name][0], python_parser)


def test_both_parsers_read_the_shipped_recipes_alike() -> None:
    files = sorted((Path(__file__).parents[3] / "recipes").rglob("*.yaml"))
    assert files
    for file in files:
        documents = [
            parse_document(file.read_bytes(), SOURCE, parser=parser) for parser in (fastest_parser, python_parser)
        ]
        assert documents[0] == documents[1]
        assert documents[0].problems == ()


def test_the_fast_parser_is_in_use_where_pyyaml_has_it() -> None:
    assert hasattr(yaml, "CBaseLoader") == yaml.__with_libyaml__
    assert type(fastest_parser("a: 1")).__name__ == ("CBaseLoader" if yaml.__with_libyaml__ else "BaseLoader")


@pytest.mark.parametrize("parser", PARSERS)
def test_reading_goes_on_behind_a_byte_order_mark(parser: Callable[[str], EventStream]) -> None:
    root = parse_document(b"\xef\xbb\xbfa: 1\n", SOURCE, parser=parser).root
    assert isinstance(root, MapNode)
    assert str(root.entries["a"].key_place) == "f.yaml:1:1"


def test_nesting_up_to_the_limit_is_read() -> None:
    assert problems_in("a: " + "[" * 62 + "x" + "]" * 62) == []


def unreadable(path: Path) -> list[str]:
    return [str(problem) for problem in read_document(path, SOURCE).problems]


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert unreadable(tmp_path / "none.yaml") == ["f.yaml: no such file"]
    assert unreadable(tmp_path) == ["f.yaml: this is a directory, not a file"]
    assert unreadable(fifo) == ["f.yaml: this is not a regular file"]
    assert unreadable(tmp_path / "a\0b") == ["f.yaml: this cannot be a file name"]
    assert unreadable(tmp_path / ("x" * 300)) == ["f.yaml: cannot be read: File name too long"]


def test_a_file_without_permission_is_told(tmp_path: Path) -> None:
    file = tmp_path / "secret.yaml"
    file.write_text("a: 1\n")
    file.chmod(0)
    me, nobody = os.geteuid(), 65534
    if me == 0:  # root may read everything
        os.seteuid(nobody)
    try:
        found = unreadable(file)
    finally:
        os.seteuid(me)
    assert found == ["f.yaml: no permission to read this file"]


def test_paths_are_shown_relative_inside_the_current_directory_only() -> None:
    here = Path("/work dir/ä")
    assert shown_path(Path("recipes/edge.yaml"), here) == "recipes/edge.yaml"
    assert shown_path(Path("/work dir/ä/r.yaml"), here) == "r.yaml"
    assert shown_path(Path("../b/r.yaml"), here) == "/work dir/b/r.yaml"
    assert shown_path(Path("/work dir/älter/r.yaml"), here) == "/work dir/älter/r.yaml"
    assert shown_path(here, here) == "."
    assert shown_path(Path("/etc/x"), Path("/")) == "/etc/x"
    assert shown_path(Path("a\nb\udcff"), here) == "a\\nb\\\\xff"

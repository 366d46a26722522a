import pytest

from builder.core.errors import BuilderError
from builder.formats import deb822
from builder.formats.deb822 import parse_stanza, required, split_stanzas

TEXT = b"""# a comment
Package: one
Description: short
 long
 .
 # no comment

\nPackage: two
# in between
Tag: a,
\tb
"""


def parsed(data: bytes, chunk_bytes: int = 1 << 20) -> list[deb822.Stanza]:
    chunks = (data[start : start + chunk_bytes] for start in range(0, len(data), chunk_bytes))
    return [parse_stanza(raw, where="here") for raw in split_stanzas(chunks)]


@pytest.mark.parametrize("chunk_bytes", [1, 2, 3, 7, 64, 1000])
def test_stanzas_do_not_depend_on_chunks(chunk_bytes: int) -> None:
    assert parsed(TEXT, chunk_bytes) == [
        {"package": "one", "description": "short\nlong\n.\n# no comment"},
        {"package": "two", "tag": "a,\nb"},
    ]


def test_empty_texts_have_no_stanzas() -> None:
    assert parsed(b"") == parsed(b"\n\n\n") == parsed(b"# only\n# comments\n") == []


def test_names_are_case_insensitive_and_values_keep_colons() -> None:
    assert parsed(b"HomePage:  https://example.org/a:b  \n") == [{"homepage": "https://example.org/a:b"}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b" continues nothing\n", "is no field and continues none"),
        (b"no colon\n", "is no field"),
        (b"-Name: x\n", "is no field"),
        (b"Two words: x\n", "is no field"),
        (b"A: 1\na: 2\n", "the field a is given twice"),
        (b"A: \xff\n", "not UTF-8"),
    ],
)
def test_damage_is_told_with_its_place(text: bytes, message: str) -> None:
    with pytest.raises(BuilderError, match=f"here: .*{message}"):
        parsed(text)


def test_a_stanza_without_end_is_no_stanza(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deb822, "_MOST_STANZA_BYTES", 100)
    with pytest.raises(BuilderError, match="no Debian control file"):
        list(split_stanzas([b"x" * 60, b"x" * 60]))


def test_required_fields_must_say_something() -> None:
    assert required({"version": "1"}, "Version", where="here") == "1"
    for stanza in ({}, {"version": "  "}):
        with pytest.raises(BuilderError, match="here: the field Version is missing"):
            required(stanza, "Version", where="here")

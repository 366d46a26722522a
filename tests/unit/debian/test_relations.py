import pytest

from builder.core.errors import BuilderError
from builder.debian.relations import Relation, format_clause, parse_clauses, parse_relations


def test_alternatives_versions_and_architectures_are_read() -> None:
    clauses = parse_clauses(
        "libc6 (>= 2.38), default-mta | mail-transport-agent,\n python3:any (<< 3.14~),perl:armhf(=5.40.1-6+deb13u1) ,",
        where="test",
    )
    assert clauses == (
        (Relation(name="libc6", sign=">=", version="2.38"),),
        (Relation(name="default-mta"), Relation(name="mail-transport-agent")),
        (Relation(name="python3", architecture="any", sign="<<", version="3.14~"),),
        (Relation(name="perl", architecture="armhf", sign="=", version="5.40.1-6+deb13u1"),),
    )
    assert [format_clause(clause) for clause in clauses] == [
        "libc6 (>= 2.38)",
        "default-mta | mail-transport-agent",
        "python3:any (<< 3.14~)",
        "perl:armhf (= 5.40.1-6+deb13u1)",
    ]


def test_names_that_only_haskell_has_are_read() -> None:
    assert parse_relations("libghc-x-dev-1.0-4DLAs, t1-cyrillic", where="test")[0].name == "libghc-x-dev-1.0-4DLAs"


def test_nothing_is_no_relation() -> None:
    assert parse_clauses("", where="test") == ()
    assert parse_relations(" \n", where="test") == ()


@pytest.mark.parametrize(
    ("sign", "older", "same", "newer"),
    [
        ("<<", True, False, False),
        ("<=", True, True, False),
        ("<", True, True, False),
        ("=", False, True, False),
        (">=", False, True, True),
        (">", False, True, True),
        (">>", False, False, True),
    ],
)
def test_signs_compare_as_dpkg_does(sign: str, *, older: bool, same: bool, newer: bool) -> None:
    relation = Relation(name="one", sign=sign, version="1:1.0-1")
    versions = ("9.0-1", "1:1.0-1", "1:1.0-1+b1")
    assert [relation.allows(version) for version in versions] == [older, same, newer]


@pytest.mark.parametrize(
    "text", ["a b", "libc6 (2.38)", "libc6 (>= )", "libc6 (~ 1)", "libc6 >= 2", "| b", "libc6 (>= 1_2)", "x [amd64]"]
)
def test_what_is_no_relation_is_told_with_its_place(text: str) -> None:
    with pytest.raises(BuilderError, match=r"package x, Depends|is no version"):
        parse_clauses(text, where="package x, Depends")

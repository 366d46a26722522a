import pytest

from builder.core.errors import RecipeError
from builder.debian.solve import solve
from builder.debian.universe import Universe
from tests.unit.debian.universes import request, solved, stanza, universe


def problems(packages: Universe, *wanted: str, without: tuple[str, ...] = (), with_base: bool = False) -> list[str]:
    with pytest.raises(RecipeError) as error:
        solve(packages, request(*wanted, without=without, with_base=with_base))
    return list(error.value.details)


def test_what_is_needed_comes_along_and_what_is_recommended_does_not() -> None:
    packages = universe(
        stanza("a", depends="b (>= 1.0)", pre_depends="c", recommends="d", suggests="e"),
        *(stanza(name) for name in "bcde"),
    )
    assert solved(packages, "a") == ["a", "b", "c"]


def test_circles_end() -> None:
    assert solved(universe(stanza("a", depends="b"), stanza("b", depends="a")), "a") == ["a", "b"]


def test_every_system_has_its_base_only_where_it_is_asked_for() -> None:
    packages = universe(stanza("a"), stanza("dash", essential="yes", depends="libc6"), stanza("libc6"))
    assert solved(packages, "a") == ["a"]
    assert solved(packages, "a", with_base=True) == ["a", "dash", "libc6"]


def test_the_first_alternative_is_taken_unless_another_is_there() -> None:
    packages = universe(stanza("a", depends="x | y"), stanza("b", depends="y"), stanza("x"), stanza("y"))
    assert solved(packages, "a") == ["a", "x"]
    assert solved(packages, "a", "y") == ["a", "y"]
    assert solved(packages, "a", "b") == ["a", "b", "y"]


def test_the_answer_does_not_depend_on_the_order_of_what_is_wanted() -> None:
    packages = universe(
        stanza("a", depends="x | y"), stanza("b", depends="y | x"), stanza("x"), stanza("y"), stanza("c", depends="p"),
        stanza("q", provides="p"), stanza("r", provides="p"),
    )  # fmt: skip
    assert solved(packages, "a", "b", "c") == solved(packages, "c", "b", "a") == ["a", "b", "c", "q", "x"]


def test_alternatives_that_do_not_exist_or_are_too_old_are_passed_over() -> None:
    packages = universe(
        stanza("a", depends="gone | old (>= 2) | virtual"), stanza("old"), stanza("v", provides="virtual")
    )
    assert solved(packages, "a") == ["a", "v"]


def test_a_package_that_is_wanted_comes_though_another_could_stand_for_it() -> None:
    packages = universe(stanza("base-files", provides="usr-is-merged"), stanza("usr-is-merged"))
    assert solved(packages, "base-files", "usr-is-merged") == ["base-files", "usr-is-merged"]


def test_a_conflict_makes_another_alternative_be_taken() -> None:
    packages = universe(
        stanza("a", depends="x | y"), stanza("b", conflicts="x (<< 2)"), stanza("x"), stanza("y", breaks="b (<< 1)")
    )
    assert solved(packages, "a", "b") == ["a", "b", "y"]


def test_a_conflict_further_on_leads_back_to_the_decision() -> None:
    packages = universe(
        stanza("a", depends="x | y"),
        stanza("x", depends="deep"),
        stanza("deep", depends="deeper"),
        stanza("deeper", conflicts="b"),
        stanza("b"),
        stanza("y"),
    )
    assert solved(packages, "a", "b") == ["a", "b", "y"]


@pytest.mark.parametrize("other", ["z", "gone"])
def test_a_decision_that_takes_a_later_ones_choices_away_is_taken_back(other: str) -> None:
    packages = universe(
        stanza("a", depends="x | y"),
        stanza("c", depends="m | n"),
        stanza("m", depends="z"),
        stanza("n", depends=other),
        stanza("z", conflicts="x"),
        stanza("x"),
        stanza("y"),
    )
    assert solved(packages, "a", "c") == ["a", "c", "m", "y", "z"]


def test_decisions_that_are_not_to_blame_are_not_tried_again() -> None:
    """Forty choices of two lie between the conflict and the one decision that causes it."""
    others = [
        one
        for number in range(40)
        for one in (
            stanza(f"w{number}", depends=f"l{number} | r{number}"),
            stanza(f"l{number}"),
            stanza(f"r{number}"),
        )
    ]
    wanted = ["a", "b", *(f"w{number}" for number in range(40)), "z"]
    packages = universe(
        stanza("a", depends="x | y"),
        stanza("x", depends="p | q"),
        stanza("p", depends="late | late2"),
        stanza("q", depends="late | late2"),
        stanza("late", depends="never"),
        stanza("late2", depends="never"),
        stanza("y"),
        stanza("b"),
        stanza("z"),
        *others,
    )
    found = solved(packages, *wanted)
    assert "y" in found
    assert len(found) == 84


def test_a_package_may_conflict_with_what_it_provides_itself() -> None:
    packages = universe(
        stanza("exim", provides="mta", conflicts="mta"), stanza("postfix", provides="mta", conflicts="mta")
    )
    assert solved(packages, "exim") == ["exim"]
    assert problems(packages, "exim", "postfix")[0].startswith("postfix 1.0 and exim 1.0 exclude each other")


def test_a_virtual_package_without_a_version_is_no_version_to_conflict_with() -> None:
    packages = universe(stanza("a", breaks="v (<< 9)"), stanza("b", provides="v"), stanza("c", provides="v (= 1)"))
    assert solved(packages, "a", "b") == ["a", "b"]
    assert problems(packages, "a", "c")


def test_names_that_there_are_not_are_told_all_at_once_with_their_lines() -> None:
    packages = universe(
        stanza("curl"), stanza("nftables"), stanza("v1", provides="virtual"), stanza("v2", provides="virtual")
    )
    assert problems(packages, "crul", "nftables", "nonsense", "virtual") == [
        "recipe.yaml:1: there is no package crul for armhf; did you mean curl?",
        "recipe.yaml:3: there is no package nonsense for armhf",
        "recipe.yaml:4: virtual is no package but what several can be; name one of them: v1, v2",
    ]


def test_a_conflict_is_told_with_the_chains_to_what_is_wanted() -> None:
    packages = universe(
        stanza("a", depends="m"),
        stanza("m", depends="x"),
        stanza("x", conflicts="clock"),
        stanza("b", provides="clock"),
    )
    assert problems(packages, "a", "b") == [
        "x 1.0 and b 1.0 exclude each other (x has Conflicts: clock)",
        "    x is needed by m, needed by a, wanted in recipe.yaml:1",
        "    b is wanted in recipe.yaml:2",
    ]


def test_unmet_dependencies_are_told_with_reasons_and_chain() -> None:
    packages = universe(
        stanza("base", essential="yes", depends="a"),
        stanza("a", depends="x (>= 2) | gone | v (>= 1)"),
        stanza("x"),
        stanza("y", provides="v"),
    )
    assert problems(packages, with_base=True) == [
        "a needs x (>= 2) | gone | v (>= 1), which cannot be had",
        "    there is only x 1.0",
        "    there is no gone",
        "    there is only y, which provides it",
        "    a is needed by base, part of every system",
    ]


def test_all_problems_are_told_at_once() -> None:
    packages = universe(
        stanza("a", depends="gone"), stanza("b", conflicts="c"), stanza("c"), stanza("d", depends="e | f"),
        stanza("e", depends="gone"), stanza("f", conflicts="a"),
    )  # fmt: skip
    told = [line for line in problems(packages, "a", "b", "c", "d", "nothing") if not line.startswith(" ")]
    assert told == [
        "recipe.yaml:5: there is no package nothing for armhf",
        "b 1.0 and c 1.0 exclude each other (b has Conflicts: c)",
        "a needs gone, which cannot be had",
        "e needs gone, which cannot be had",
    ]


def test_what_must_stay_out_is_dropped_and_passed_over() -> None:
    packages = universe(
        stanza("a", depends="x | y"), stanza("x"), stanza("y"), stanza("tzdata", priority="required"), stanza("b")
    )
    assert solved(packages, "a", "b", without=("x", "b", "tzdata"), with_base=True) == ["a", "y"]


def test_what_must_stay_out_and_is_needed_is_told() -> None:
    packages = universe(stanza("vim", depends="python"), stanza("python"), stanza("dash", essential="yes"))
    assert problems(packages, "vim", without=("python", "dash"), with_base=True) == [
        "without.yaml:2: dash cannot be left out: it is essential, packages rely on it without saying so",
        "vim needs python, which cannot be had",
        "    python must not be installed (without.yaml:1)",
        "    vim is wanted in recipe.yaml:1",
    ]

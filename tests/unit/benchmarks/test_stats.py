from collections.abc import Callable

import pytest

from benchmarks.stats import Series, interleave


def test_a_series_tells_its_middle_and_its_ends() -> None:
    series = Series.of(3.0, 1.0, 2.0, 10.0)
    assert (series.median, series.smallest, series.largest) == (2.5, 1.0, 10.0)


def test_ratios_are_taken_round_by_round() -> None:
    # Noise that lasts a round doubles both; the ratio does not see it.
    ours, theirs = Series.of(1.1, 2.2, 1.1), Series.of(1.0, 2.0, 1.0)
    assert ours.over(theirs).values == pytest.approx((1.1, 1.1, 1.1))


def test_series_of_different_lengths_have_no_ratio() -> None:
    with pytest.raises(ValueError, match="zip"):
        Series.of(1.0, 2.0).over(Series.of(1.0))


def test_cases_are_measured_in_turn(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[str] = []

    def case(name: str) -> Callable[[], float]:
        def measure() -> float:
            seen.append(name)
            return float(len(seen))

        return measure

    series = interleave({"A": case("A"), "B": case("B")}, rounds=2)
    assert seen == ["A", "B", "A", "B"]
    assert series == {"A": Series.of(1.0, 3.0), "B": Series.of(2.0, 4.0)}
    assert "round 2 of 2: B: 4.000" in capsys.readouterr().err

from benchmarks.groups.controller import report
from benchmarks.stats import Series


def test_what_is_promised_is_judged() -> None:
    starts = {
        "kine and API server by hand": Series.of(4.0, 5.0, 4.0),
        "kedge controller": Series.of(6.0, 6.0, 5.0),
    }
    (figure,) = report(starts).figures
    assert (figure.series.median, figure.is_met) == (1.25, True)

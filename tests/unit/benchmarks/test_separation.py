from benchmarks.groups import alone, lists, separation
from benchmarks.stats import Series

KIB = 1 << 10


def test_a_list_is_compared_with_the_one_before_it() -> None:
    """Noise that lasts hits both: the ratios' median counts, and not the medians' ratio."""
    course = lists.Course(direct=Series.of(0.1, 0.2, 0.9), answered=Series.of(0.15, 0.2, 1.8), size_bytes=1000)
    even = lists.Course(direct=Series.of(1, 2, 3), answered=Series.of(1.02, 2.04, 3.06), size_bytes=1000)
    found = lists.report({"list": course, "watch": even, "json": even})
    listed, watched = found.figures
    assert (round(listed.series.median, 6), listed.is_met) == (1.5, False)
    assert (round(watched.series.median, 6), watched.is_met) == (1.02, True)
    assert len(found.measurements) == 6


def test_what_the_proxy_takes_is_judged_by_the_worst_case() -> None:
    """Its memory is at most what a joined worker has more than the smallest that one which has not joined ever had."""
    course = separation.Course(
        with_controller_s=[10, 12, 11],
        alone_s=[14, 20, 15],
        written_bytes_per_s=100,
        joined_bytes=[23_000_000, 24_000_000, 29_000_000],
        unjoined_bytes=[17_000_000, 15_000_000],
    )
    start, written, proxy = separation.report(course).figures
    assert (round(start.series.median, 2), start.is_met) == (1.4, True)
    assert (written.series.median, written.is_met) == (100, True)
    assert (proxy.series.median, proxy.is_met) == (9_000_000, False)


def test_growth_is_that_of_a_line() -> None:
    """One look does not decide."""
    (growth,) = alone.report([(0, 1000 * KIB), (1800, 1500 * KIB), (3600, 2000 * KIB)]).figures
    assert (round(growth.series.median), growth.is_met) == (1000 * KIB, False)

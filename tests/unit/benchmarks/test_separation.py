from benchmarks.groups.separation import Course, report

KIB = 1 << 10


def test_what_is_promised_is_judged() -> None:
    """Growth is a line's, so that one look does not decide; latency is by medians."""
    course = Course(
        direct_s=[0.1, 0.2, 0.9],
        answered_s=[0.1, 0.3, 0.3],
        listed_bytes=1000,
        written_bytes_per_s=100,
        kedge_bytes=20 * KIB,
        away=[(0, 1000 * KIB), (1800, 1500 * KIB), (3600, 2000 * KIB)],
        away_kedge_bytes=30 * KIB,
    )
    latency, written, growth = report(course).figures
    assert round(latency.series.median, 6) == 1.5
    assert not latency.is_met
    assert (written.series.median, written.is_met) == (100, True)
    assert (round(growth.series.median), growth.is_met) == (1000 * KIB, False)

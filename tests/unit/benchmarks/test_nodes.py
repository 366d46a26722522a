from benchmarks.groups.nodes import report
from benchmarks.smaps import Usage

MIB = 1 << 20


def test_processes_are_summed_and_missing_nodes_are_told() -> None:
    usage = Usage(anonymous=100 * MIB, rss=300 * MIB, pss=150 * MIB)
    found = report({"kedge": usage, "kine": usage}, {"kedge": 0.01, "kine": 0.125}, ready=49)
    assert [(figure.series.median, figure.is_met) for figure in found.figures] == [(1, False)]
    assert found.tables[0].rows == [
        ("kedge", "100.0 MiB", "150.0 MiB", "1.0 %"),
        ("kine", "100.0 MiB", "150.0 MiB", "12.5 %"),
        ("together", "200.0 MiB", "300.0 MiB", "13.5 %"),
    ]

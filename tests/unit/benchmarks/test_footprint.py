from benchmarks.groups.footprint import Idle, report
from benchmarks.namespaced import Taken
from benchmarks.smaps import Usage

MIB = 1 << 20


def taken(name: str, anonymous_mib: int) -> Taken:
    return Taken(
        name=name,
        usage=Usage(rss=9 * MIB, pss=2 * anonymous_mib * MIB, anonymous=anonymous_mib * MIB),
        processor_s=7.0,
    )


IDLE = Idle(
    processes={11: taken("containerd-shim", 4), 12: taken("kubelet", 30), 13: taken("containerd-shim", 5)},
    processor_s={11: 0.5, 12: 2.0, 13: 0.5},
    settled_s=60.0,
    over_s=100.0,
)


def test_all_processes_count() -> None:
    assert {one.name: one.series.median for one in report(IDLE).measurements} == {
        "anonymous memory": 39 * MIB,
        "Pss": 78 * MIB,
        "processor time per second": 0.03,
    }


def test_processes_of_one_name_share_a_row() -> None:
    (table,) = report(IDLE).tables
    assert list(table.rows) == [
        ("kubelet", "1", "30.0 MiB", "60.0 MiB", "2.00%"),
        ("containerd-shim", "2", "9.0 MiB", "18.0 MiB", "1.00%"),
    ]

from benchmarks.groups.policies import report
from benchmarks.smaps import Usage
from benchmarks.stats import Series

MIB = 1 << 20


def test_memory_and_seconds_stand_side_by_side() -> None:
    usages = {"few": Usage(anonymous=10 * MIB, rss=60 * MIB, pss=40 * MIB)}
    found = report(usages, {"a policy more": Series.of(0.1, 0.3, 0.2)})
    assert [(one.name, one.unit, one.series.median) for one in found.measurements] == [
        ("memory, anonymous: few", "bytes", 10 * MIB),
        ("memory, Pss: few", "bytes", 40 * MIB),
        ("a policy more", "s", 0.2),
    ]

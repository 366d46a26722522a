from benchmarks.groups.resident import report
from benchmarks.plane import COMPONENTS
from benchmarks.smaps import Usage

MIB = 1 << 20


def usages(mib: int) -> dict[str, list[Usage]]:
    """Three rounds; the second is noisy. The first component needs one MiB more than the others."""
    return {
        name: [
            Usage(anonymous=size * MIB, rss=4 * size * MIB, pss=2 * size * MIB)
            for size in (mib + (not number), 7 * (mib + (not number)), mib + (not number))
        ]
        for number, name in enumerate(COMPONENTS)
    }


def test_components_and_their_sum() -> None:
    found = report(usages(6), usages(3), kedge_bytes=200 * MIB, sizes=dict.fromkeys(COMPONENTS, 50 * MIB))
    rows = {row[0]: list(row[1:]) for row in found.tables[0].rows}
    assert list(rows) == [*COMPONENTS, "together"]
    assert len(found.tables[0].columns) == 11
    first, second = rows[COMPONENTS[0]], rows[COMPONENTS[1]]
    assert first == [
        "50.0 MiB",
        "7.0 MiB",
        "4.0 MiB",
        "1.75",
        "28.0 MiB",
        "16.0 MiB",
        "1.75",
        "14.0 MiB",
        "8.0 MiB",
        "1.75",
    ]
    assert second == [
        "50.0 MiB",
        "6.0 MiB",
        "3.0 MiB",
        "2.00",
        "24.0 MiB",
        "12.0 MiB",
        "2.00",
        "12.0 MiB",
        "6.0 MiB",
        "2.00",
    ]
    # 6 * 7 + 1 and 3 * 7 + 1
    assert rows["together"][:4] == ["350.0 MiB", "43.0 MiB", "22.0 MiB", "1.95"]


def test_what_all_take_together_is_compared() -> None:
    found = report(usages(6), usages(3), kedge_bytes=1, sizes=dict.fromkeys(COMPONENTS, 1))
    alone, kedge = found.measurements
    assert alone.series.values == (44 * MIB, 7 * 44 * MIB, 44 * MIB)
    ratio = found.ratio(kedge)
    assert ratio is not None
    assert ratio.median == 86 / 44

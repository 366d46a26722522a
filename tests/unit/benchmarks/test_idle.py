from benchmarks.groups.idle import Look, report
from benchmarks.smaps import Usage

MIB = 1 << 20


def look(minute: int, *, anonymous: int) -> Look:
    """kedge writes nothing, kine 30 kB a minute, and both take a hundredth of a core."""
    return Look(
        at_s=60 * minute,
        usages={
            "kedge": Usage(anonymous=20 * MIB, rss=30 * MIB, pss=25 * MIB),
            "kine": Usage(anonymous=anonymous, rss=90 * MIB, pss=80 * MIB),
        },
        written_bytes={"kedge": 0, "kine": 30_000 * minute},
        cpu_s={"kedge": 0.6 * minute, "kine": 0.6 * minute},
    )


def test_growth_counts_from_the_end_of_the_warm_up_on() -> None:
    grows, since = 2_000_000, 60 * MIB
    looks = [
        look(minute, anonymous=since + (0 if minute < 20 else grows * (minute - 20) // 60)) for minute in range(81)
    ]
    found = report(looks)
    assert [(figure.name, round(figure.series.median), figure.is_met) for figure in found.figures] == [
        ("anonymous memory after ten minutes", 80 * MIB, True),
        ("growth of anonymous memory in the hour", grows, False),
        ("written per second, over the hour", 500, True),
    ]
    assert found.tables[0].rows[1] == ("kine", "60.0 MiB", "90.0 MiB", "80.0 MiB", "1953 KiB", "500", "1.00 %")
    assert found.notes[1] == "All processes together take 2.00 % of a core."
    assert "15.8 GB a year" in found.notes[2]
    assert "127 years" in found.notes[2]

from benchmarks.groups.controller import Idle, report
from benchmarks.smaps import Usage
from benchmarks.stats import Series

MIB = 1 << 20


def test_what_is_promised_is_judged() -> None:
    starts = {
        "kine and API server by hand": Series.of(4.0, 5.0, 4.0),
        "kedge controller": Series.of(6.0, 6.0, 5.0),
    }
    usage = Usage(anonymous=100 * MIB, rss=300 * MIB, pss=150 * MIB)
    idle = Idle(
        usages={"kedge": usage, "kine": usage, "kube-apiserver": usage},
        written_bytes_per_s={"kedge": 0.0, "kine": 900.0, "kube-apiserver": 100.0},
    )
    found = report(starts, idle)
    assert {figure.name: (figure.series.median, figure.is_met) for figure in found.figures} == {
        "ready, times by hand": (1.25, True),
        "anonymous memory, idle": (300 * MIB, False),
        "written per second, idle": (1000.0, True),
    }
    assert found.tables[0].rows[1] == ("kine", "100.0 MiB", "300.0 MiB", "150.0 MiB", "900")

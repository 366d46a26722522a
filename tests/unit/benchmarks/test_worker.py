from benchmarks.groups.worker import Course, moments_s, processes, report

MIB = 1 << 20
SAID = {
    "now": "100.00",
    "system-began": "10000000",
    "system-started": "30000000",
    "unit-began": "15000000",
    "unit-ready": "40000000",
    "process.12": "Pss=2048 Anonymous=1024 Swap=512 kubelet --config=/var/lib/kedge/kubelet.yaml",
    "process.13": "Pss=90112 Anonymous=90112 Swap=0 /usr/bin/kedge worker --token-file /run/join/token",
    "killed": "1",
}
COURSE = Course(times_s={"the node is Ready": 60.0}, said=SAID, ended_s=110.0, evicted=0)


def test_what_is_swapped_out_is_taken_too() -> None:
    assert [(one.name, one.anonymous / MIB, one.pss / MIB) for one in processes(SAID)] == [
        ("kedge worker", 88, 88),
        ("kubelet", 1.5, 2),
    ]


def test_moments_are_counted_from_power_on() -> None:
    assert moments_s(COURSE) == {
        "kernel": 10.0,
        "userspace": 20.0,
        "all that starts at boot": 40.0,
        "kedge worker": 25.0,
        "kedge worker, ready": 50.0,
        "the node is Ready": 60.0,
    }


def test_what_is_promised_is_judged() -> None:
    assert {figure.name: (figure.series.median, figure.is_met) for figure in report(COURSE).figures} == {
        "anonymous memory, 10 pods": (89.5 * MIB, False),
        "killed for lack of memory": (1, False),
        "evicted": (0, True),
        "power-on to Ready, times userspace": (3.0, False),
    }

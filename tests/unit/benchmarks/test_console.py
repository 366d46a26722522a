import re

import pytest

from benchmarks.groups.pods import processes, report
from benchmarks.vm.console import read_console
from builder.core.errors import BuilderError

MEMORY = "@memory setting={setting} pods={pods} process={process} pid={pid} Rss=15848 Pss=15839 Anonymous={kib}"


def shims(setting: str, pods: int, kib: int = 3000) -> str:
    lines = (MEMORY.format(setting=setting, pods=pods, process="shim", pid=100 + n, kib=kib + n) for n in range(pods))
    return "\r\n".join(lines)


CONSOLE = "\r\n".join(
    [
        "[    0.000000] Booting Linux on physical CPU 0x0",
        "@kernel 6.1.0-50-armmp armv7l",
        *(
            f"@time what={what} from={begin} to={begin + 1.5}"
            for begin, what in enumerate(("version", "version-again", "unpack-first", "unpack-second"))
        ),
        "@time what=containerd-start from=10.10 to=12.35",
        "@peak VmHWM=60000 RssAnon=9000",
        "@sysinfo pass      memory                         996 MiB",
        "@sysinfo ",
        "@sysinfo 66 passed, 1 notes",
        MEMORY.format(setting="kubelet", pods=1, process="kubelet", pid=9, kib=16700),
        "@map process=kubelet 00010000-052b5000 r-xp 00000000 fe:00 41         /usr/bin/kedge",
        "@map process=kubelet 0aa40000-0abc9000 rw-p 0aa30000 fe:00 41         /usr/bin/kedge",
        *(shims("kubelet", pods) for pods in (1, 5, 10)),
        *(shims(setting, 5, 2500) for setting in ("GOGC=100", "GOMEMLIMIT=4MiB", "GOMAXPROCS=1")),
        "@end",
        "",
    ]
)
MAPPED_END = 0x0ABC9000 - 0x0AA40000 + 0x0AA30000


def test_what_the_machine_says() -> None:
    findings = read_console(CONSOLE)
    assert findings.kernel == "6.1.0-50-armmp armv7l"
    assert findings.times_s["containerd-start"] == pytest.approx(2.25)
    assert [one.anonymous_bytes for one in findings.shims("GOMEMLIMIT=4MiB", 5)] == [n << 10 for n in range(2500, 2505)]
    assert (findings.version_bytes, findings.version_anonymous_bytes) == (60000 << 10, 9000 << 10)
    assert findings.mapped_end_bytes == MAPPED_END
    assert findings.verdict == "66 passed, 1 notes"


def test_a_machine_that_fails() -> None:
    text = CONSOLE.replace("@end", "@failed 5 pods are not running\r\nlast words\r\n@end")
    with pytest.raises(BuilderError, match="5 pods are not running") as caught:
        read_console(text)
    assert "last words" in caught.value.details


def test_a_machine_that_dies() -> None:
    with pytest.raises(BuilderError, match="it came to no end"):
        read_console(CONSOLE.replace("@end", "Kernel panic - not syncing"))


@pytest.mark.parametrize("missing", [" Anonymous=16700", " pods=1", " VmHWM=60000", "pid=9"])
def test_memory_without_a_number(missing: str) -> None:
    with pytest.raises(BuilderError, match="not complete"):
        read_console(CONSOLE.replace(missing, ""))


def test_pods_without_a_shim() -> None:
    lines = [line for line in CONSOLE.splitlines() if not re.search("pods=5 process=shim pid=104", line)]
    with pytest.raises(BuilderError, match="4 shims for 5 pods"):
        read_console("\n".join(lines)).shims("kubelet", 5)


def test_no_result_of_sysinfo() -> None:
    findings = read_console(CONSOLE.replace(" passed", ""))
    with pytest.raises(BuilderError, match="no result of kedge sysinfo"):
        _ = findings.verdict


def test_the_report() -> None:
    figures = report(read_console(CONSOLE), frames=MAPPED_END).figures
    assert [figure.is_met for figure in figures] == [True, True]
    assert figures[0].series.largest == 3009 << 10


@pytest.mark.parametrize(
    ("text", "frames"),
    [(CONSOLE.replace("Anonymous=30", "Anonymous=70"), MAPPED_END), (CONSOLE, MAPPED_END - 4096)],
    ids=["shims too large", "payload mapped"],
)
def test_promises_that_are_not_kept(text: str, frames: int) -> None:
    assert not all(figure.is_met for figure in report(read_console(text), frames).figures)


def test_the_page_that_the_payload_begins_in_is_the_executables() -> None:
    assert all(figure.is_met for figure in report(read_console(CONSOLE), MAPPED_END - 4095).figures)


def test_processes_of_one_name_are_added_up() -> None:
    table = processes(read_console(CONSOLE), "kubelet", 5)
    assert table.columns == ("process", "anonymous", "Pss", "Rss")
    assert list(table.rows) == [("shim (all 5)", "14.7 MiB", "77.3 MiB", "77.4 MiB")]

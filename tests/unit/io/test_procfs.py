import os

from builder.io.procfs import io_bytes, parse_stat, process_ids, read_stat
from builder.io.usage import StallWatch, UsageMeter

# A copy of a real line; the name is what programs may call themselves.
LINE = (
    b"4711 (a) S (b c) R 1 4700 4600 0 -1 4194304 95 0 0 0 100 50 30 20 20 0 1 0 1234567 2600000 1000 "
    b"18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
)


def test_a_name_with_spaces_and_parentheses_is_passed_over() -> None:
    stat = parse_stat(LINE)
    assert (stat.pid, stat.state, stat.parent, stat.group, stat.session) == (4711, "R", 1, 4700, 4600)
    assert stat.start_ticks == 1234567
    assert stat.cpu_s == 200 / os.sysconf("SC_CLK_TCK")
    assert stat.resident_bytes == 1000 * os.sysconf("SC_PAGE_SIZE")
    assert stat.is_alive
    assert not parse_stat(LINE.replace(b") R 1", b") Z 1")).is_alive


def test_this_process_is_seen() -> None:
    assert os.getpid() in process_ids()
    stat = read_stat(os.getpid())
    assert stat is not None
    assert stat.parent == os.getppid()
    assert stat.resident_bytes > 1 << 20
    before = io_bytes(os.getpid())
    assert before > 0
    read_stat(os.getpid())
    assert io_bytes(os.getpid()) > before


def test_what_is_gone_is_nothing() -> None:
    assert read_stat(2**30) is None
    assert io_bytes(2**30) == 0


def test_a_meter_adds_up_what_runs_at_the_same_moment() -> None:
    meter = UsageMeter()
    stat = parse_stat(LINE)
    meter.sample(1, [stat])
    meter.sample(2, [stat, stat])
    meter.sample(1, [])
    meter.finish(2)
    meter.sample(3, [stat])
    usage = meter.usage()
    assert usage.peak_memory_bytes == 3 * stat.resident_bytes
    assert usage.cpu_s == 4 * stat.cpu_s


def test_sleep_in_the_kernel_is_no_stall() -> None:
    watch = StallWatch(0.0)
    asleep = parse_stat(LINE.replace(b"4711", b"999999999").replace(b") R 1", b") S 1"))
    assert watch.idle_s(1.0, [asleep]) == 0.0
    assert watch.idle_s(4.0, [asleep]) == 3.0
    assert watch.idle_s(5.0, [parse_stat(LINE.replace(b"4711", b"999999999").replace(b") R 1", b") D 1"))]) == 0.0

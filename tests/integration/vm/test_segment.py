"""What the wires of a segment do to frames, with sockets in the place of machines; and a way out that is relayed."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from builder.vm.machine import Machine
from builder.vm.segment import Conditions, Segment
from builder.vm.setup import Setup, UserNetwork
from tests.integration.vm.conftest import NewBench
from tests.integration.vm.guests import HALT, pc, raw, write_guest

_S = 60.0
_SILENCE_S = 0.5
_OWN = b"\x52\x54\x00\x01\x02\x03"
# Ethernet to everybody, ARP (RFC 826): a request of 10.0.2.15 for 10.0.2.2, which is the way out.
_WHO_HAS_10_0_2_2 = (
    b"\xff" * 6 + _OWN + b"\x08\x06"
    b"\x00\x01\x08\x00\x06\x04\x00\x01" + _OWN + b"\x0a\x00\x02\x0f" + bytes(6) + b"\x0a\x00\x02\x02"
)


@contextmanager
def ends(segment: Segment, place: Path, count: int) -> Iterator[list[socket.socket]]:
    """Sockets that are attached to `segment` as machines would be."""
    with ExitStack() as stack:
        found = []
        for index in range(count):
            directory = place / f"m{index}"
            directory.mkdir()
            segment.attach(directory)
            end = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            end.bind(str(directory / "net0"))
            end.connect(str(directory / "net0.hub"))
            end.settimeout(_S)
            found.append(end)
        stack.enter_context(segment)
        yield found


def hears_nothing(end: socket.socket) -> bool:
    end.settimeout(_SILENCE_S)
    try:
        end.recv(100)
    except TimeoutError:
        return True
    finally:
        end.settimeout(_S)
    return False


def test_every_frame_arrives_in_its_order_however_slow_the_other_side(tmp_path: Path) -> None:
    frames = [b"%d" % number for number in range(500)]
    with ends(Segment(), tmp_path, 3) as (one, two, three):
        for frame in frames:
            one.send(frame)
        # The kernel holds ten of them.
        time.sleep(_SILENCE_S)
        assert [two.recv(100) for _ in frames] == frames
        assert [three.recv(100) for _ in frames] == frames
        assert hears_nothing(one)


def test_a_cut_loses_what_is_sent_both_ways_until_it_is_healed(tmp_path: Path) -> None:
    segment = Segment()
    with ends(segment, tmp_path, 3) as (one, two, three):
        segment.cut(tmp_path / "m1")
        one.send(b"a")
        assert three.recv(100) == b"a"
        two.send(b"b")
        assert hears_nothing(one)
        assert hears_nothing(two)
        segment.cut(tmp_path / "m1", is_cut=False)
        one.send(b"c")
        assert two.recv(100) == b"c"


def test_a_wire_is_late_and_narrow(tmp_path: Path) -> None:
    # Two wires lie between two machines: twice 0.1 s, and 2 kB through two times 10 kB/s.
    with ends(Segment(Conditions(latency_s=0.1, bytes_per_s=10_000)), tmp_path, 2) as (one, two):
        began_s = time.monotonic()
        one.send(bytes(2000))
        two.recv(4000)
        assert time.monotonic() - began_s >= 0.2 + 2 * 0.2


def test_a_wire_loses_the_same_frames_each_time(tmp_path: Path) -> None:
    heard = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        with ends(Segment(Conditions(loss=0.3), seed="lab"), tmp_path / name, 2) as (one, two):
            for number in range(200):
                one.send(b"%d" % number)
            found: list[bytes] = []
            while not hears_nothing_more(two, found):
                pass
            heard.append(found)
    assert heard[0] == heard[1]
    assert 50 < len(heard[0]) < 150


def hears_nothing_more(end: socket.socket, found: list[bytes]) -> bool:
    end.settimeout(_SILENCE_S)
    try:
        found.append(end.recv(100))
    except TimeoutError:
        return True
    return False


def test_a_way_out_is_relayed(new_bench: NewBench, tmp_path: Path) -> None:
    """QEMU's own network stack answers whoever asks for its address, through the segment, unless that is cut."""
    bench = new_bench("asks")
    disk = write_guest(bench.directory / "disk.img", HALT)
    setup = Setup(name="asks", type=pc(), disk=raw(disk), memory_mib=64, networks=[UserNetwork(relayed=True)])
    segment = Segment()
    segment.attach(bench.directory)
    segment.attach_gate(bench.directory)
    with ends(segment, tmp_path, 1) as (asker,), Machine(setup, bench):
        asker.send(_WHO_HAS_10_0_2_2)
        # Ethernet: the type stands behind two addresses.
        assert asker.recv(2048)[12:14] == b"\x08\x06"
        segment.cut(bench.directory)
        asker.send(_WHO_HAS_10_0_2_2)
        assert hears_nothing(asker)

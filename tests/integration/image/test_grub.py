"""What GRUB does with the configuration of images: on a PC with a BIOS, with slots that say their name and reset."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest

from builder.app.session import Session
from builder.app.workspace import Workspace
from builder.core.arch import Arch
from builder.core.resources import MIB
from builder.formats.deb import extract_all
from builder.formats.tar import DIRECTORY, REGULAR, TarMember, end_bytes, header_bytes, padding_bytes
from builder.image.environment import COPIES, FRESH, environment_block
from builder.image.facts import GRUB_FACTS, Firmware
from builder.image.filesystems import FilesystemMaker
from builder.image.formats import SlotCompression
from builder.image.grub import BOOT_CODE_BYTES, BOOT_SECTOR, CORE, GrubLinker
from builder.image.layout import SECTOR_BYTES, Sizes, boot_record, plan_layout
from builder.io.files import write_all
from builder.plan.debian import pool_step
from builder.toolchain.tree import ToolsTree
from builder.vm.machine import Bench, Machine
from builder.vm.machines import read_machine
from builder.vm.setup import Disk, DiskFormat, Setup

ROOT = Path(__file__).parents[3]
CONFIGURATION = ROOT / "recipes/image/grub.cfg"
# It says what it is, and fails as a system does that crashes.
SLOT = 'echo "This is $slot of $disk_id."\nreboot\n'
GIVEN_UP = "No slot of this disk starts"
_S = 120.0

BOTH = {**FRESH, "B_OK": "1"}


@pytest.fixture(scope="module")
def grub(
    session: Session, workspace: Workspace, tools: Callable[[str], ToolsTree], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """GRUB for a BIOS, linked as images have it."""
    locked = workspace.lock.debian
    assert locked is not None
    name = GRUB_FACTS[Arch.AMD64, Firmware.BIOS].package
    (pin,) = [pin for pin in locked.boards[Arch.AMD64].packages if pin.name == name]
    tree, output = tmp_path_factory.mktemp("grub"), tmp_path_factory.mktemp("linked")
    (deb,) = session.obtain(pool_step(pin)).iterdir()
    extract_all(deb, tree)
    with session.bench("grub") as (runner, _):
        linker = GrubLinker(arch=Arch.AMD64, firmware=Firmware.BIOS, tools=tools("boot"), runner=runner)
        linker.run(tree / "usr/lib/grub/i386-pc", output)
    return output


@pytest.fixture
def start(
    grub: Path, maker: FilesystemMaker, tools: Callable[[str], ToolsTree], tmp_path: Path
) -> Iterator[Callable[..., Machine]]:
    """`start(states, slots)`: a machine whose GRUB finds these copies of its state and these slots."""
    running: list[Machine] = []

    def started(copies: Mapping[str, bytes], slots: Mapping[str, str]) -> Machine:
        disk = _write_disk(grub, maker, tmp_path, copies, slots)
        bench = Bench(directory=tmp_path, tools=tools("qemu"), runner=maker.runner)
        setup = Setup(
            name="grub",
            type=read_machine(ROOT / "recipes/machines", "q35-bios"),
            disk=Disk(path=disk, format=DiskFormat.RAW),
            memory_mib=128,
        )
        machine = Machine(setup, bench)
        running.append(machine)
        return machine

    yield started
    for machine in running:
        machine.__exit__(None, None, None)


def _write_disk(
    grub: Path, maker: FilesystemMaker, place: Path, copies: Mapping[str, bytes], slots: Mapping[str, str]
) -> Path:
    sizes = Sizes(card_bytes=400 * MIB, slot_bytes=1 * MIB, data_bytes=1 * MIB)
    layout = plan_layout(sizes, slot_content_bytes=0, disk_id=0x1234ABCD)
    files = {"grub.cfg": b"set disk_id=1234abcd\n" + CONFIGURATION.read_bytes(), **copies}
    for name, data in files.items():
        (place / name).write_bytes(data)
    maker.boot({f"grub/{name}": place / name for name in files}, place / "boot", volume_id=1)
    disk = place / "disk"
    with disk.open("xb") as stream:
        stream.write(boot_record(layout, (grub / BOOT_SECTOR).read_bytes()[:BOOT_CODE_BYTES]))
        stream.seek(SECTOR_BYTES)
        stream.write((grub / CORE).read_bytes())
        stream.seek(layout.partition("boot").start_bytes)
        stream.write((place / "boot").read_bytes())
        for name, configuration in slots.items():
            stream.seek(layout.partition(name).start_bytes)
            stream.write(_slot(maker, place, configuration))
        stream.truncate(layout.size_bytes)
    return disk


def _slot(maker: FilesystemMaker, place: Path, configuration: str) -> bytes:
    data = configuration.encode()
    head = header_bytes(TarMember(name="./boot/", type=DIRECTORY, mode=0o755))
    head += header_bytes(TarMember(name="./boot/grub.cfg", type=REGULAR, size_bytes=len(data)))
    content = head + data + padding_bytes(len(data))
    archive, target = content + end_bytes(len(content)), place / "slot"
    target.unlink(missing_ok=True)
    feed = partial(write_all, data=archive)
    maker.system(feed, target, compression=SlotCompression.GZIP, processors=1)
    return target.read_bytes()


def both(state: Mapping[str, str]) -> dict[str, bytes]:
    return dict.fromkeys(COPIES, environment_block(state))


def told(machine: Machine) -> list[str]:
    """Which slots started, in their order, until GRUB gave up."""
    machine.expect(GIVEN_UP, _S)
    text = machine.console.transcript.read_text(errors="replace")
    return [one[0] for one in text.split("This is ")[1:]]


def test_slots_that_crash_get_three_tries_in_turn_and_then_a_person_is_told(start: Callable[..., Machine]) -> None:
    machine = start(both(BOTH), {"slot-a": SLOT, "slot-b": SLOT})
    machine.expect(r"This is A of 1234abcd\.", _S)
    assert told(machine) == ["A", "B", "A", "B", "A", "B"]
    # Nothing happens by itself any more; a person gets three tries more.
    machine.console.send_line("")
    machine.expect(r"This is A", _S)


def test_a_slot_that_is_damaged_or_was_never_written_is_passed_over(start: Callable[..., Machine]) -> None:
    machine = start(both(BOTH), {"slot-b": SLOT})
    machine.expect(r"Slot A cannot be started\.", _S)
    assert told(machine) == ["B", "B", "B"]


def test_a_slot_that_is_not_to_be_started_is_not(start: Callable[..., Machine]) -> None:
    assert told(start(both(FRESH), {"slot-a": SLOT, "slot-b": SLOT})) == ["A", "A", "A"]


def test_the_order_decides_who_is_first(start: Callable[..., Machine]) -> None:
    machine = start(both({**BOTH, "ORDER": "B A"}), {"slot-a": SLOT, "slot-b": SLOT})
    assert told(machine)[:2] == ["B", "A"]


def test_a_try_that_was_spent_is_not_forgotten(start: Callable[..., Machine]) -> None:
    machine = start(both({**BOTH, "A_TRY": "1", "ROUND": "2"}), {"slot-a": SLOT, "slot-b": SLOT})
    assert told(machine) == ["B"]


def test_the_second_copy_of_the_state_serves_where_the_first_is_damaged(start: Callable[..., Machine]) -> None:
    copies = {COPIES[0]: bytes(1024), COPIES[1]: environment_block({**BOTH, "A_TRY": "1"})}
    machine = start(copies, {"slot-a": SLOT, "slot-b": SLOT})
    machine.expect(r"This is B", _S)
    # What GRUB could not write to the first copy it wrote to the second.
    assert told(machine) == ["B", "A", "B", "A", "B"]


def test_without_any_state_each_slot_is_tried_and_a_message_ends_it(start: Callable[..., Machine]) -> None:
    machine = start(dict.fromkeys(COPIES, bytes(1024)), {"slot-b": SLOT.replace("reboot", "true")})
    machine.expect(r"The state of the slots cannot be read; each is tried\.", _S)
    assert told(machine) == ["B", "B", "B"]


def test_what_grub_does_not_know_it_keeps(start: Callable[..., Machine], tmp_path: Path) -> None:
    machine = start(both({**BOTH, "TRIAL": "B"}), {"slot-a": SLOT, "slot-b": SLOT})
    assert len(told(machine)) == 6
    assert (tmp_path / "disk").read_bytes().count(b"ROUND=0\nTRIAL=B\n") == len(COPIES)

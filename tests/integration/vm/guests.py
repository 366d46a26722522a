"""Guests of 512 bytes: what a BIOS starts from the first sector of a disk, talking on the first serial port."""

from pathlib import Path

from builder.vm.machines import read_machine
from builder.vm.model import MachineType
from builder.vm.setup import Disk, DiskFormat

MACHINES = Path(__file__).parents[3] / "recipes" / "machines"
_SECTOR_BYTES, _SIGNATURE = 512, b"\x55\xaa"
_DISK_BYTES = 1 << 20
# mov dx, 0x3f8
_PORT = b"\xba\xf8\x03"
# mov al, CHARACTER; out dx, al
_SAY = b"\xb0%c\xee"
# mov dx, 0x604; mov ax, 0x2000; out dx, ax: q35's port of ACPI, which turns it off (bits SLP_EN and SLP_TYP of PM1a_CNT)
OFF = b"\xba\x04\x06\xb8\x00\x20\xef"
# in al, dx of the line status; test al, 1; jz back; in al of the data; out: says all that is typed, for ever
ECHO = b"\xba\xfd\x03\xec\xa8\x01\x74\xf8\xba\xf8\x03\xec\xee\xeb\xf1"
# in al, dx of the line status; test al, 1; jz back: waits for a key
WAIT = b"\xba\xfd\x03\xec\xa8\x01\x74\xfb"
HALT = b"\xfa\xf4\xeb\xfd"


def say(text: str) -> bytes:
    """Code that writes `text` to the serial port."""
    return _PORT + b"".join(_SAY % ord(character) for character in text)


def write_guest(path: Path, code: bytes) -> Path:
    """A disk that starts `code`."""
    room = _SECTOR_BYTES - len(_SIGNATURE)
    assert len(code) <= room
    path.write_bytes(code.ljust(room, b"\0") + _SIGNATURE + bytes(_DISK_BYTES - _SECTOR_BYTES))
    return path


def raw(path: Path) -> Disk:
    return Disk(path=path, format=DiskFormat.RAW)


def pc() -> MachineType:
    return read_machine(MACHINES, "q35-bios")

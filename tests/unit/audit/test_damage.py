import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

from builder.audit.executable import audit_executable
from builder.audit.rules import Check, Rules
from builder.core.arch import Arch
from tests.unit.audit.test_executable import NEEDED, audit, found
from tests.unit.audit.writer import EABI5_GO, Elf, attributes, go_info_section


def test_damaged_attributes_are_a_finding(tmp_path: Path) -> None:
    whole = attributes((5, "cortex-a7"))
    silent = replace(Elf.good(Arch.ARMV7), flags=EABI5_GO)
    for data, what in {whole.data[:-1] + b"x": "no end of the text at byte 1", whole.data[:-11] + b"\xff": ""}.items():
        elf = silent.with_sections(replace(whole, data=data))
        ((check, told),) = found(tmp_path, elf, Rules(arch=Arch.ARMV7))
        assert check is Check.FLOAT_ABI
        assert what in told


def test_a_cut_file_without_sections(tmp_path: Path) -> None:
    """Nothing but the segments tells that something is missing."""
    content = bytearray(Elf.good(Arch.ARM64).build())
    content[0x28:0x30] = bytes(8)  # e_shoff
    content[0x3C:0x40] = bytes(4)  # e_shnum, e_shstrndx
    code = content.index(b"CODE")
    result = audit(tmp_path, bytes(content[: code + 2]), Rules(arch=Arch.ARM64))
    assert [finding.what for finding in result.findings] == [
        f"segment 0 ends at byte {code + 4} of {code + 2}: the file is cut"
    ]


@pytest.mark.parametrize("damaged", [b"\0libc.so.6", b"\0"])
def test_names_of_libraries_that_cannot_be_read(tmp_path: Path, damaged: bytes) -> None:
    content = Elf.good(Arch.ARM64).dynamic((NEEDED, "libc.so.6")).build()
    table = content.replace(b"\0libc.so.6\0", damaged.ljust(11, b"x"))
    ((check, what),) = [(one.check, one.what) for one in audit(tmp_path, table, Rules(arch=Arch.ARM64)).findings]
    assert check is Check.LINKAGE
    assert what == "dynamic strings: no end of the text at byte 1 of 11"


def test_damage_that_keeps_a_check_from_looking_is_a_finding_of_it(tmp_path: Path) -> None:
    section = go_info_section("go1.26.8", "nonsense\n")
    elf = replace(Elf.good(Arch.ARMV7), flags=EABI5_GO).with_sections(section)
    assert found(tmp_path, elf, Rules(arch=Arch.ARMV7)) == [
        (Check.FLOAT_ABI, ".go.buildinfo: line 1 is not understood: 'nonsense'")
    ]


@pytest.mark.parametrize("arch", list(Arch))
def test_a_cut_file_is_always_a_finding(tmp_path: Path, arch: Arch) -> None:
    elf = Elf.good(arch).dynamic((NEEDED, "libc.so.6"), interpreter="/lib/ld.so")
    whole = elf.with_sections(go_info_section("go1.26.8", "path\ttiny\n"), attributes((28, 1))).build()
    path = tmp_path / "program"
    path.write_bytes(whole)
    for length in reversed(range(len(whole))):
        os.truncate(path, length)
        cut = audit_executable(path, Rules(arch=arch, host_paths=("/home/somebody/project",)))
        assert any(finding.check is Check.FORMAT for finding in cut.findings), length


@pytest.mark.parametrize("arch", list(Arch))
def test_damage_anywhere_never_raises(tmp_path: Path, arch: Arch) -> None:
    elf = replace(Elf.good(arch), flags=EABI5_GO).dynamic((NEEDED, "libc.so.6"), interpreter="/lib/ld.so")
    whole = elf.with_sections(
        go_info_section("go1.26.8", "path\ttiny\nbuild\tGOARM=7\n"), attributes((5, "a"), (28, 0))
    )
    content = whole.build()
    chance = random.Random(26)  # noqa: S311 - the same damage in every run
    path = tmp_path / "program"
    with path.open("w+b", buffering=0) as stream:
        for place in range(len(content)):
            damaged = bytearray(content)
            damaged[place] = chance.randrange(256)
            damaged[chance.randrange(len(content))] ^= 0xFF
            os.pwrite(stream.fileno(), damaged, 0)
            audit_executable(path, Rules(arch=arch, host_paths=("/home/somebody/project",)))

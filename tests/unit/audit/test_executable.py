import os
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest

from builder.audit.executable import audit_directory, audit_executable, require_sound
from builder.audit.rules import Audit, Check, ClosedSet, Rules
from builder.core.arch import Arch
from builder.core.errors import VerificationError
from builder.formats.elf import SegmentType
from tests.unit.audit.writer import (
    EABI5_GO,
    EABI5_SOFT,
    EXECUTE,
    READ,
    WRITE,
    Elf,
    Part,
    attributes,
    go_info_section,
)

NEEDED, RPATH, RUNPATH = 1, 15, 29
Found: TypeAlias = list[tuple[Check, str]]
STACK = Part(kind=SegmentType.GNU_STACK, flags=READ | WRITE)


def audit(tmp_path: Path, content: bytes, rules: Rules) -> Audit:
    path = tmp_path / "program"
    path.write_bytes(content)
    return audit_executable(path, rules)


def found(tmp_path: Path, elf: Elf, rules: Rules) -> Found:
    return [(finding.check, finding.what) for finding in audit(tmp_path, elf.build(), rules).findings]


@pytest.mark.parametrize("arch", list(Arch))
def test_a_sound_executable_is_looked_at_in_every_way(tmp_path: Path, arch: Arch) -> None:
    result = audit(tmp_path, Elf.good(arch).build(), Rules(arch=arch, host_paths=("/home/somebody/project",)))
    assert result == Audit(name="program", checked=tuple(Check), findings=())


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "an empty file"),
        (b"#!/bin/sh -e\necho\n", "a script for /bin/sh -e"),
        (b"#!", "a script for nothing"),
        (b"MZ\x90\x00" + bytes(64), "a Windows executable (PE)"),
        (bytes(257) + b"ustar\x0000", "a tar archive"),
        (b"!<arch>\ndebian-binary   ", "an ar archive (a static library or a Debian package)"),
        (b"\x1f\x8b\x08\x00", "compressed with gzip"),
        (b"\x28\xb5\x2f\xfd\x00", "compressed with zstd"),
        (b"PK\x03\x04\x14\x00", "a zip archive"),
        (b"\n<!DOCTYPE html><title>404", "an HTML page, perhaps a server's error message"),
        (b"Not Found\n", "a text that begins with 'Not Found'"),
        (b"\n\n", "a text that begins with 'nothing'"),
        (b"\x00\x01\x02", "unknown data that begins with 00 01 02"),
    ],
)
def test_what_is_no_elf_is_named_for_what_it_is(tmp_path: Path, content: bytes, what: str) -> None:
    result = audit(tmp_path, content, Rules(arch=Arch.ARMV7))
    assert [finding.what for finding in result.findings] == [what]
    assert result.checked == (Check.FORMAT,)


def test_what_is_no_file_is_named_too(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    names = ("missing", ".", "pipe")
    audits = [audit_executable(tmp_path / name, Rules(arch=Arch.ARMV7)) for name in names]
    told = [audit.findings[0].what for audit in audits]
    assert told == ["there is no such file", "a directory", "not a regular file"]


def test_another_architecture(tmp_path: Path) -> None:
    assert found(tmp_path, Elf.good(Arch.AMD64), Rules(arch=Arch.ARM64)) == [
        (Check.ARCHITECTURE, "made for amd64, not for arm64 (ELF machine 62, not 183)")
    ]
    assert found(tmp_path, Elf.good(Arch.ARMV7), Rules(arch=Arch.ARM64)) == [
        (Check.ARCHITECTURE, "made for armv7, not for arm64 (ELF machine 40, not 183)"),
        (Check.ARCHITECTURE, "ELF class 32 bits, not 64"),
    ]
    riscv = replace(Elf.good(Arch.ARM64), machine=243)
    assert found(tmp_path, riscv, Rules(arch=Arch.ARM64))[0][1].startswith("made for RISC-V")
    big = replace(Elf.good(Arch.ARM64), little=False)
    assert found(tmp_path, big, Rules(arch=Arch.ARM64)) == [(Check.ARCHITECTURE, "big-endian, not little-endian")]
    old = replace(Elf.good(Arch.ARMV7), flags=0x04000400)
    assert found(tmp_path, old, Rules(arch=Arch.ARMV7)) == [
        (Check.ARCHITECTURE, "not of ARM's EABI version 5 (e_flags 0x04000400)")
    ]


def test_the_float_abi_of_c(tmp_path: Path) -> None:
    rules = Rules(arch=Arch.ARMV7)
    soft = replace(Elf.good(Arch.ARMV7), flags=EABI5_SOFT)
    assert found(tmp_path, soft, rules) == [(Check.FLOAT_ABI, "soft-float (e_flags 0x05000200)")]
    silent = replace(Elf.good(Arch.ARMV7), flags=EABI5_GO)
    ((check, what),) = found(tmp_path, silent, rules)
    assert check is Check.FLOAT_ABI
    assert what.startswith("it does not say that it is hard-float")
    by_attributes = silent.with_sections(attributes((5, "cortex-a7"), (6, 10), (28, 1)))
    assert found(tmp_path, by_attributes, rules) == []
    base = silent.with_sections(attributes((5, "cortex-a7"), (6, 10), (28, 0)))
    assert [check for check, _ in found(tmp_path, base, rules)] == [Check.FLOAT_ABI]


@pytest.mark.parametrize(("goarm", "sound"), [("7", True), ("6", True), ("5", False), ("7,softfloat", False)])
def test_the_float_abi_of_go(tmp_path: Path, goarm: str, sound: bool) -> None:
    section = go_info_section("go1.26.8", f"path\ttiny\nbuild\tGOARM={goarm}\n")
    elf = replace(Elf.good(Arch.ARMV7), flags=EABI5_GO).with_sections(section)
    expected = [] if sound else [(Check.FLOAT_ABI, f"soft-float, by Go's build information: GOARM={goarm}")]
    assert found(tmp_path, elf, Rules(arch=Arch.ARMV7)) == expected


@pytest.mark.parametrize("arch", list(Arch))
def test_a_static_executable_needs_nothing(tmp_path: Path, arch: Arch) -> None:
    elf = Elf.good(arch).dynamic((NEEDED, "libc.so.6"), (NEEDED, "libm.so.6"), interpreter="/lib/ld-linux.so.3")
    assert found(tmp_path, elf, Rules(arch=arch)) == [
        (Check.LINKAGE, "needs the interpreter /lib/ld-linux.so.3: it is not static"),
        (Check.LINKAGE, "needs the library libc.so.6: it is not static"),
        (Check.LINKAGE, "needs the library libm.so.6: it is not static"),
    ]
    static_pie = replace(Elf.good(arch), kind=3).dynamic()
    assert found(tmp_path, static_pie, Rules(arch=arch)) == []


def test_a_closed_set_has_everything(tmp_path: Path) -> None:
    directory = tmp_path / "set"
    directory.mkdir()
    nft = Elf.good(Arch.ARMV7, kind=3).dynamic((NEEDED, "libmnl.so.0"), interpreter="/lib/ld-linux-armhf.so.3")
    library = Elf.good(Arch.ARMV7, kind=3, entry=0).dynamic((NEEDED, "libc.so.6"))
    loader = Elf.good(Arch.ARMV7, kind=3)
    for name, elf in {"nft": nft, "libmnl.so.0.2.0": library, "ld-linux-armhf.so.3": loader}.items():
        (directory / name).write_bytes(elf.build())
    (directory / "libmnl.so.0").symlink_to("libmnl.so.0.2.0")
    (directory / "README").write_text("no executable")
    rules = Rules(arch=Arch.ARMV7, closed_set=ClosedSet(directory=directory))
    audits = audit_directory(directory, rules)
    assert [audit.name for audit in audits] == ["ld-linux-armhf.so.3", "libmnl.so.0.2.0", "nft"]
    told = [(audit.name, finding.what) for audit in audits for finding in audit.findings]
    assert told == [("libmnl.so.0.2.0", "needs the library libc.so.6, which is not in its closed set")]
    (tmp_path / "libc.so.6").write_bytes(loader.build())
    (directory / "libc.so.6").symlink_to("../libc.so.6")
    assert any(audit.findings for audit in audit_directory(directory, rules)), "a link that leads out of the set"
    (directory / "libc.so.6").unlink()
    (directory / "libc.so.6").write_bytes(loader.build())
    assert not any(audit.findings for audit in audit_directory(directory, rules))


def test_a_script_among_executables_is_found(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/wrapper").write_text("#!/bin/sh\n")
    (tmp_path / "bin/wrapper").chmod(0o755)
    (audit,) = audit_directory(tmp_path, Rules(arch=Arch.ARMV7))
    assert audit.name == "bin/wrapper"
    assert audit.findings[0].what == "a script for /bin/sh"


@pytest.mark.parametrize("tag", [RPATH, RUNPATH])
def test_search_paths(tmp_path: Path, tag: int) -> None:
    elf = Elf.good(Arch.ARM64).dynamic((tag, "/opt/lib:$ORIGIN"))
    expected = [(Check.SEARCH_PATH, "looks for libraries in /opt/lib:$ORIGIN (RPATH or RUNPATH)")]
    assert found(tmp_path, elf, Rules(arch=Arch.ARM64)) == expected


def test_symbols_and_debugging_information(tmp_path: Path) -> None:
    elf = Elf.good(Arch.AMD64).with_sections(*(Part(name=name, data=b"x" * 10) for name in (".symtab", ".debug_info")))
    ((check, what),) = found(tmp_path, elf, Rules(arch=Arch.AMD64))
    assert check is Check.STRIPPED
    assert what.startswith("not stripped: 20 bytes of symbols and debugging information in .symtab at ")
    kept = audit(tmp_path, elf.build(), Rules(arch=Arch.AMD64, stripped=False))
    assert not kept.findings
    assert Check.STRIPPED not in kept.checked


@pytest.mark.parametrize("arch", list(Arch))
def test_an_executable_stack(tmp_path: Path, arch: Arch) -> None:
    asked = Elf.good(arch).with_segments(replace(STACK, flags=READ | WRITE | EXECUTE))
    assert found(tmp_path, asked, Rules(arch=arch)) == [(Check.STACK, "it asks for an executable stack (PT_GNU_STACK)")]
    unmarked = replace(Elf.good(arch), segments=Elf.good(arch).segments[:1])
    told = found(tmp_path, unmarked, Rules(arch=arch))
    if arch is Arch.ARMV7:
        assert told == [(Check.STACK, "no PT_GNU_STACK: on armv7 the kernel then makes stack and heap executable")]
    else:
        assert told == []


def test_memory_that_is_writable_and_executable(tmp_path: Path) -> None:
    elf = Elf.good(Arch.ARM64).with_segments(Part(data=b"both", flags=READ | WRITE | EXECUTE, address=0x30000))
    ((check, what),) = found(tmp_path, elf, Rules(arch=Arch.ARM64))
    assert check is Check.SEGMENTS
    assert what.startswith("segment 2, at byte ")


def test_host_paths_are_told_with_their_place(tmp_path: Path) -> None:
    prefix = "/home/somebody/project"
    elf = Elf.good(Arch.ARM64).with_sections(Part(name=".rodata", data=f"text{prefix}/main.c\0".encode()))
    content = elf.build()
    result = audit(tmp_path, content, Rules(arch=Arch.ARM64, host_paths=(prefix,)))
    place = content.index(prefix.encode())
    assert [finding.what for finding in result.findings] == [
        f"a path of the building machine at byte {place}, in .rodata: {prefix}/main.c"
    ]


def test_what_is_appended_is_not_looked_at(tmp_path: Path) -> None:
    prefix = "/home/somebody/project"
    elf = Elf.good(Arch.ARM64, appended=f"payload {prefix}".encode())
    result = audit(tmp_path, elf.build(), Rules(arch=Arch.ARM64, host_paths=(prefix,)))
    assert not result.findings
    assert result.appended_bytes == len(elf.appended)


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (1, "an object file, not an executable"),
        (4, "a memory image (core), not an executable"),
        (77, "ELF type 77 is not an executable"),
    ],
)
def test_an_elf_file_that_is_no_executable(tmp_path: Path, kind: int, what: str) -> None:
    assert found(tmp_path, replace(Elf.good(Arch.ARM64), kind=kind), Rules(arch=Arch.ARM64)) == [(Check.FORMAT, what)]


def test_a_library_alone_is_no_executable(tmp_path: Path) -> None:
    library = replace(Elf.good(Arch.ARM64), kind=3, entry=0)
    assert found(tmp_path, library, Rules(arch=Arch.ARM64)) == [
        (Check.FORMAT, "a library: it has no address to start at")
    ]


def test_all_findings_of_all_executables_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(Elf.good(Arch.AMD64).build())
    (tmp_path / "b").write_bytes(Elf.good(Arch.ARM64).dynamic((NEEDED, "libc.so.6"), (RPATH, "/x/y")).build())
    (tmp_path / "c").write_bytes(Elf.good(Arch.ARM64).build())
    audits = audit_directory(tmp_path, Rules(arch=Arch.ARM64))
    require_sound([audit for audit in audits if audit.name == "c"])
    with pytest.raises(VerificationError) as caught:
        require_sound(audits)
    assert caught.value.brief == "not fit to run on a device: a, b"
    assert [line.split(":")[0] for line in caught.value.details] == ["a", "b", "b"]
    assert "link it without -rpath" in caught.value.hint

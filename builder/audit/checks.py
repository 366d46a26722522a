"""The single checks: each looks at an open ELF file and yields what is wrong."""

from collections.abc import Callable, Iterator, Mapping

from builder.audit.rules import Check, Finding, Rules
from builder.core.arch import ARCH_FACTS, Arch
from builder.formats.elf import (
    ElfError,
    ElfFile,
    FileType,
    FloatAbi,
    SegmentFlag,
    SegmentType,
    float_abi,
    is_eabi5,
    read_dynamic,
)
from builder.formats.goinfo import go_info

# Machines that one meets by mistake (System V ABI: e_machine), beside those that kedge runs on.
_OTHER_MACHINES = {3: "i386", 8: "MIPS", 20: "PowerPC", 21: "PowerPC 64", 22: "S/390", 243: "RISC-V", 258: "LoongArch"}
_TYPES = {FileType.RELOCATABLE: "an object file", FileType.CORE: "a memory image (core)"}
_SYMBOLS = ".symtab"
_DEBUG = (".debug_", ".zdebug_", ".stab")
_HARD_GOARM = ("6", "7")
_REBUILD = "build or import the one for {arch}"
_MOST_NAMED = 3


def check_format(elf: ElfFile, rules: Rules) -> Iterator[Finding]:
    """A whole file that the kernel can start, or the loader of a closed set can load."""
    for damage in elf.damage:
        yield Finding(check=Check.FORMAT, what=damage, remedy="get or build the file again")
    if elf.kind in _TYPES:
        what = f"{_TYPES[FileType(elf.kind)]}, not an executable"
        yield Finding(check=Check.FORMAT, what=what, remedy="link it into an executable")
    elif elf.kind not in (FileType.EXECUTABLE, FileType.SHARED):
        yield Finding(check=Check.FORMAT, what=f"ELF type {elf.kind} is not an executable", remedy="get the file again")
    elif not elf.entry and rules.closed_set is None:
        what = "a library: it has no address to start at"
        yield Finding(check=Check.FORMAT, what=what, remedy="name the executable instead")


def check_architecture(elf: ElfFile, rules: Rules) -> Iterator[Finding]:
    """Machine, class, byte order, and on ARM the version of its ABI."""
    remedy = _REBUILD.format(arch=rules.arch)
    machine = ARCH_FACTS[rules.arch].elf_machine
    if elf.machine != machine:
        what = f"made for {_machine(elf.machine)}, not for {rules.arch} (ELF machine {elf.machine}, not {machine})"
        yield Finding(check=Check.ARCHITECTURE, what=what, remedy=remedy)
    if elf.wide != (rules.arch is not Arch.ARMV7):
        what = f"ELF class {64 if elf.wide else 32} bits, not {32 if elf.wide else 64}"
        yield Finding(check=Check.ARCHITECTURE, what=what, remedy=remedy)
    if not elf.little:
        yield Finding(check=Check.ARCHITECTURE, what="big-endian, not little-endian", remedy=remedy)
    if machine == elf.machine and rules.arch is Arch.ARMV7 and not is_eabi5(elf):
        what = f"not of ARM's EABI version 5 (e_flags {elf.flags:#010x})"
        yield Finding(check=Check.ARCHITECTURE, what=what, remedy=remedy)


def check_float_abi(elf: ElfFile, rules: Rules) -> Iterator[Finding]:
    """Hard float on ARM. Go states it in its build information alone, unless it links C."""
    if rules.arch is not Arch.ARMV7 or elf.machine != ARCH_FACTS[Arch.ARMV7].elf_machine:
        return
    stated = float_abi(elf)
    if stated is FloatAbi.SOFT:
        what = f"soft-float (e_flags {elf.flags:#010x})"
        yield Finding(check=Check.FLOAT_ABI, what=what, remedy="build it for arm-linux-*eabihf")
    if stated is not FloatAbi.UNSTATED:
        return
    info = go_info(elf)
    if info is None:
        what = f"it does not say that it is hard-float: neither e_flags ({elf.flags:#010x}) nor .ARM.attributes do"
        yield Finding(check=Check.FLOAT_ABI, what=what, remedy="build it for arm-linux-*eabihf")
    elif info.settings.get("GOARM") not in _HARD_GOARM:
        what = f"soft-float, by Go's build information: GOARM={info.settings.get('GOARM', '')}"
        yield Finding(check=Check.FLOAT_ABI, what=what, remedy="build it with GOARM=7")


def check_linkage(elf: ElfFile, rules: Rules) -> Iterator[Finding]:
    """Static, or with everything that it loads in the closed set."""
    dynamic = read_dynamic(elf)
    for damage in dynamic.damage:
        yield Finding(check=Check.LINKAGE, what=damage, remedy="get or build the file again")
    wanted = {"interpreter": [dynamic.interpreter] if dynamic.interpreter else [], "library": list(dynamic.needed)}
    for kind, names in wanted.items():
        for name in names:
            if rules.closed_set is None:
                what = f"needs the {kind} {name}: it is not static"
                remedy = "link it statically (-static; in Go CGO_ENABLED=0), or make it part of a closed set"
                yield Finding(check=Check.LINKAGE, what=what, remedy=remedy)
            elif not rules.closed_set.has(name.rpartition("/")[2] if kind == "interpreter" else name):
                what = f"needs the {kind} {name}, which is not in its closed set"
                yield Finding(check=Check.LINKAGE, what=what, remedy="add that file to the set")


def check_search_path(elf: ElfFile, rules: Rules) -> Iterator[Finding]:  # noqa: ARG001 - checks have one signature
    """No paths of the build machine, or of anybody, to look for libraries in."""
    for path in read_dynamic(elf).search_paths:
        what = f"looks for libraries in {path} (RPATH or RUNPATH)"
        yield Finding(check=Check.SEARCH_PATH, what=what, remedy="link it without -rpath")


def check_stripped(elf: ElfFile, rules: Rules) -> Iterator[Finding]:
    """Neither symbols nor debugging information: they are a third of an executable's size."""
    if not rules.stripped:
        return
    names = [one for one in elf.sections if one.name == _SYMBOLS or one.name.startswith(_DEBUG)]
    if names:
        shown = ", ".join(f"{one.name} at {one.start}" for one in names[:_MOST_NAMED])
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        size = sum(one.size_bytes for one in names)
        what = f"not stripped: {size} bytes of symbols and debugging information in {shown}{more}"
        yield Finding(check=Check.STRIPPED, what=what, remedy="link it with -s (in Go -ldflags='-s -w')")


def check_stack(elf: ElfFile, rules: Rules) -> Iterator[Finding]:
    """No executable stack.

    Without PT_GNU_STACK, 32-bit ARM makes all readable memory executable; the 64-bit architectures do not since Linux 5.8
    (elf_read_implies_exec in arch/*/include/asm/elf.h).
    """
    marks = elf.segments_of(SegmentType.GNU_STACK)
    remedy = "link it with -z noexecstack, and end assembler sources with .section .note.GNU-stack"
    if any(mark.flags & SegmentFlag.EXECUTABLE for mark in marks):
        yield Finding(check=Check.STACK, what="it asks for an executable stack (PT_GNU_STACK)", remedy=remedy)
    elif not marks and rules.arch is Arch.ARMV7:
        what = f"no PT_GNU_STACK: on {rules.arch} the kernel then makes stack and heap executable"
        yield Finding(check=Check.STACK, what=what, remedy=remedy)


def check_segments(elf: ElfFile, rules: Rules) -> Iterator[Finding]:  # noqa: ARG001 - checks have one signature
    """No memory that can be written and executed."""
    both = SegmentFlag.WRITABLE | SegmentFlag.EXECUTABLE
    for number, segment in enumerate(elf.segments):
        if segment.kind == SegmentType.LOAD and segment.flags & both == both:
            what = f"segment {number}, at byte {segment.start}, is writable and executable"
            yield Finding(check=Check.SEGMENTS, what=what, remedy="link it without -N (--omagic)")


CHECKS: Mapping[Check, Callable[[ElfFile, Rules], Iterator[Finding]]] = {
    Check.FORMAT: check_format,
    Check.ARCHITECTURE: check_architecture,
    Check.FLOAT_ABI: check_float_abi,
    Check.LINKAGE: check_linkage,
    Check.SEARCH_PATH: check_search_path,
    Check.STRIPPED: check_stripped,
    Check.STACK: check_stack,
    Check.SEGMENTS: check_segments,
}


def findings_of(check: Check, elf: ElfFile, rules: Rules) -> tuple[Finding, ...]:
    """What `check` finds; damage that keeps it from looking is a finding too."""
    try:
        return tuple(CHECKS[check](elf, rules))
    except ElfError as error:
        return (Finding(check=check, what=str(error), remedy="get or build the file again"),)


def _machine(number: int) -> str:
    known = {facts.elf_machine: str(arch) for arch, facts in ARCH_FACTS.items()} | _OTHER_MACHINES
    return known.get(number, "an unknown machine")

"""ELF files: header, segments, sections, the dynamic section, ARM's attributes (System V ABI, chapters 4 and 5)."""

from builder.formats.elf.arm import FloatAbi, float_abi, is_eabi5
from builder.formats.elf.dynamic import Dynamic, read_dynamic
from builder.formats.elf.reader import (
    MAGIC,
    ByteSource,
    ElfError,
    ElfFile,
    FileType,
    Section,
    Segment,
    SegmentFlag,
    SegmentType,
    open_elf,
    read_elf,
    sections,
)

__all__ = [
    "MAGIC",
    "ByteSource",
    "Dynamic",
    "ElfError",
    "ElfFile",
    "FileType",
    "FloatAbi",
    "Section",
    "Segment",
    "SegmentFlag",
    "SegmentType",
    "float_abi",
    "is_eabi5",
    "open_elf",
    "read_dynamic",
    "read_elf",
    "sections",
]

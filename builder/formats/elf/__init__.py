"""ELF files: header, segments, sections, the dynamic section, ARM's attributes (System V ABI, chapters 4 and 5)."""

from builder.formats.elf.reader import ElfError, ElfFile, FileType, Section, Segment, SegmentType, open_elf, sections

__all__ = ["ElfError", "ElfFile", "FileType", "Section", "Segment", "SegmentType", "open_elf", "sections"]

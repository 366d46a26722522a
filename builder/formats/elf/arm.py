"""How an ARM file passes floating-point numbers, by its flags or its attributes."""

from enum import StrEnum

from builder.formats.elf.reader import ElfError, ElfFile

# ELF for the ARM Architecture (AAELF32), 5.2: e_flags.
_EABI_MASK = 0xFF000000
_EABI_5 = 0x05000000
_SOFT_FLOAT = 0x00000200
_HARD_FLOAT = 0x00000400
# Addenda to the ABI for the ARM Architecture, 2.2 and 3.3: the build attributes.
_ATTRIBUTES = ".ARM.attributes"
_VERSION = ord("A")
_VENDOR = b"aeabi\0"
_TAG_FILE = 1
_TAG_VFP_ARGS = 28
_TAG_COMPATIBILITY = 32
# Tags below 32 whose value is a text; from 32 on the odd ones are, and 32 itself is a number and a text.
_TEXT_TAGS = (4, 5)
_MOST_BYTES = 1 << 16


class FloatAbi(StrEnum):
    """Where floating-point arguments are passed. Go says nothing of it unless it links C."""

    HARD = "hard"
    SOFT = "soft"
    UNSTATED = "unstated"


def is_eabi5(elf: ElfFile) -> bool:
    """Whether the file follows version 5 of ARM's embedded ABI, the only one that Linux distributions still use."""
    return elf.flags & _EABI_MASK == _EABI_5


def float_abi(elf: ElfFile) -> FloatAbi:
    """What the file states, in `e_flags` or else in its attributes; `ElfError` where those are damaged."""
    if elf.flags & _HARD_FLOAT:
        return FloatAbi.HARD
    if elf.flags & _SOFT_FLOAT:
        return FloatAbi.SOFT
    section = elf.section(_ATTRIBUTES)
    if section is None:
        return FloatAbi.UNSTATED
    data = elf.read(section.start, min(section.size_bytes, _MOST_BYTES), _ATTRIBUTES)
    value = _vfp_args(elf, data)
    # 1: in VFP registers. 0 (the default): in core registers, which a file without floating point says as well.
    return FloatAbi.HARD if value == 1 else FloatAbi.UNSTATED


def _vfp_args(elf: ElfFile, data: bytes) -> int | None:
    """The value of Tag_ABI_VFP_args in the attributes of the whole file."""
    header = 1 + 4 + len(_VENDOR)
    if len(data) < header + 5 or data[0] != _VERSION or data[5:header] != _VENDOR or data[header] != _TAG_FILE:
        return None
    (size_bytes,) = elf.unpack("I", data, header + 1)
    attributes = data[header + 5 : header + size_bytes]
    position = 0
    while position < len(attributes):
        tag, position = _number(attributes, position)
        value, position = _value(attributes, position, tag)
        if tag == _TAG_VFP_ARGS:
            return value
    return None


def _value(data: bytes, position: int, tag: int) -> tuple[int, int]:
    """The value, 0 for a text, and where the next tag is."""
    value = 0
    is_text = tag in _TEXT_TAGS or (tag > _TAG_COMPATIBILITY and tag % 2 == 1)
    if not is_text:
        value, position = _number(data, position)
    if is_text or tag == _TAG_COMPATIBILITY:
        end = data.find(b"\0", position)
        if end < 0:
            raise ElfError(f"{_ATTRIBUTES}: no end of the text at byte {position}")
        position = end + 1
    return value, position


def _number(data: bytes, position: int) -> tuple[int, int]:
    """A ULEB128 number and where it ends."""
    value = shift = 0
    while position < len(data):
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if not byte & 0x80:
            return value, position
    raise ElfError(f"{_ATTRIBUTES}: cut in a number")

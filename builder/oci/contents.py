"""What is inside a layer: one reading for its digest, its members, and the executables among them."""

from collections.abc import Iterator
from dataclasses import dataclass

from builder.core.arch import ARCH_FACTS, Arch
from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.formats.elf import MAGIC, ElfError, FileType, is_eabi5, read_elf
from builder.formats.tar import REGULAR, TarMember, stream_members
from builder.oci.stream import HashedStream, Span

# The header of an ELF file of either class (ELF-64: 64 bytes).
_HEADER_BYTES = 64
_EXECUTABLE_BITS = 0o111
_MOST_TOLD = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerContents:
    """What a reading of a layer found: its digest, that of the archive in it, and for each bad member what is wrong with it."""

    digest: Digest
    diff_id: Digest | None
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Head:
    """The beginning of a file, as much as its ELF header takes."""

    data: bytes

    @property
    def size_bytes(self) -> int:
        return len(self.data)

    def read(self, size_bytes: int | None = None, offset: int = 0) -> bytes:
        return self.data[offset:] if size_bytes is None else self.data[offset : offset + size_bytes]


def read_layer(span: Span, arch: Arch) -> LayerContents:
    """Read the layer in `span` to its end, as one for devices of `arch`."""
    problems: list[str] = []
    is_whole = False
    with HashedStream(span) as stream:
        try:
            for member, content in stream_members(stream):
                problems += _of_member(member, content.read(_HEADER_BYTES), arch)
            stream.finish()
            is_whole = True
        except BuilderError as error:
            problems.append(error.brief)
        digests = stream.digests()
    more = len(problems) - _MOST_TOLD
    told = (*problems[:_MOST_TOLD], *([f"and {more} more"] if more > 0 else []))
    return LayerContents(digest=digests.blob, diff_id=digests.content if is_whole else None, problems=told)


def _of_member(member: TarMember, head: bytes, arch: Arch) -> Iterator[str]:
    if ".." in member.name.split("/"):
        yield f"the name {member.name!r} leads out of the image"
    if member.type == REGULAR and head.startswith(MAGIC) and member.mode & _EXECUTABLE_BITS:
        yield from (f"/{member.name.lstrip('./')} {what}" for what in _of_elf(head, arch))


def _of_elf(head: bytes, arch: Arch) -> Iterator[str]:
    facts = ARCH_FACTS[arch]
    try:
        elf = read_elf(_Head(head))
    except ElfError as error:
        yield f"is a damaged executable: {error}"
        return
    if elf.kind not in (FileType.EXECUTABLE, FileType.SHARED):
        return
    if elf.machine != facts.elf_machine or elf.wide != (arch is not Arch.ARMV7):
        known = {one.elf_machine: str(name) for name, one in ARCH_FACTS.items()}
        yield f"is made for {known.get(elf.machine, f'ELF machine {elf.machine}')}, not for {arch}"
    elif arch is Arch.ARMV7 and not is_eabi5(elf):
        yield f"is not of ARM's EABI version 5 (e_flags {elf.flags:#010x})"

"""Every ELF file of a root file system is for its architecture: one program of another would fail on the device, months later."""

from collections.abc import Iterator

from builder.audit.checks import check_architecture
from builder.audit.rootfs.finding import RootFinding
from builder.audit.rules import Rules
from builder.core.arch import ARCH_FACTS, Arch
from builder.formats.elf import MAGIC, ElfError, read_elf
from builder.rootfs.tree import Kind, Tree

# Firmware is for the processors of network cards and the like, which are of any architecture.
_FOR_OTHERS = ("usr/lib/firmware/",)


# e_ident's class and byte order, e_machine, and on ARM the version of its ABI in e_flags (System V ABI, figure 4-3).
_HEAD_BYTES = 52
_CLASS_AND_ORDER, _MACHINE, _ABI_VERSION = slice(4, 6), slice(18, 20), 39
_CLASS_32, _CLASS_64, _LITTLE, _EABI5 = 1, 2, 1, 5


def audit_programs(tree: Tree, arch: Arch) -> Iterator[RootFinding]:
    """The ELF files in `tree` that are not for `arch`, or that are damaged."""
    rules = Rules(arch=arch)
    for path, node in tree.nodes.items():
        if node.kind is not Kind.FILE or node.content is None or path.startswith(_FOR_OTHERS):
            continue
        head = node.content.read(_HEAD_BYTES)
        if not head.startswith(MAGIC) or _is_plainly_for(head, arch):
            continue
        try:
            elf = read_elf(node.content)
            yield from (
                RootFinding(path=f"/{path}", what=one.what, remedy="build or take the one for the device")
                for one in check_architecture(elf, rules)
            )
        except ElfError as error:
            yield RootFinding(path=f"/{path}", what=str(error), remedy="build or get the file again")


def _is_plainly_for(head: bytes, arch: Arch) -> bool:
    """Whether the first bytes of an ELF file say so: nearly all do, and a root file system has thousands."""
    bits = _CLASS_32 if arch is Arch.ARMV7 else _CLASS_64
    machine = ARCH_FACTS[arch].elf_machine.to_bytes(2, "little")
    if len(head) < _HEAD_BYTES or head[_CLASS_AND_ORDER] != bytes((bits, _LITTLE)) or head[_MACHINE] != machine:
        return False
    return arch is not Arch.ARMV7 or head[_ABI_VERSION] == _EABI5

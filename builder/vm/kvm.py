"""Whether this machine runs guests of its own architecture: found out by running one."""

import ctypes
import fcntl
import mmap
import os
import struct
import time
from dataclasses import dataclass
from pathlib import Path

from builder.core.arch import ARCH_FACTS, Arch

# linux/kvm.h: _IO(0xAE, ...); the API is 12 since 2007.
_GET_API_VERSION, _CREATE_VM, _GET_VCPU_MMAP_SIZE, _CREATE_VCPU, _RUN = 0xAE00, 0xAE01, 0xAE04, 0xAE41, 0xAE80
API_VERSION = 12
# _IOW(0xAE, 0x46, struct kvm_userspace_memory_region): slot, flags, address in the guest, size, address here
_SET_MEMORY, _MEMORY = 0x4020AE46, struct.Struct("=IIQQQ")
# struct kvm_run: exit_reason is its second word, at 8.
_EXIT_REASON, _EXIT_HALT = struct.Struct("=8xI"), 5
# An x86 processor begins 16 bytes below 4 GiB (Intel SDM volume 3, section 10.1.4), here in a page of our own, with
# mov cx, 0xff00; dec cx; jnz back; hlt
_PAGE_BYTES, _RESET_PAGE, _RESET_OFFSET = 4096, 0xFFFFF000, 0xFF0
_CODE = b"\xb9\x00\xff\x49\x75\xfd\xf4"
# Those 130,000 instructions take a processor a tenth of a millisecond, QEMU's emulation about one. Where virtualization is
# itself emulated they were seen to take 120.
_SLOWEST_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class KvmFacts:
    """`stage` is the first thing that failed (`open`, `version`, `create`, `run`, `speed`), empty when a guest runs as it should.

    `error` is an errno, 0 where something else was wrong than the kernel refusing.
    """

    stage: str
    error: int
    version: int = API_VERSION

    @property
    def usable(self) -> bool:
        """Whether guests run."""
        return not self.stage


def probe_kvm(machine_name: str, device: Path = Path("/dev/kvm")) -> KvmFacts:
    """Really run a guest on this machine, which uname calls `machine_name`: the device may be there and refuse.

    On other machines than x86 the guest is made and not run.
    """
    stage = "open"
    opened: list[int] = []
    try:
        opened.append(system := os.open(device, os.O_RDWR | os.O_CLOEXEC))
        stage = "version"
        version = fcntl.ioctl(system, _GET_API_VERSION, 0)
        if version != API_VERSION:
            return KvmFacts(stage=stage, error=0, version=version)
        stage = "create"
        opened.append(machine := fcntl.ioctl(system, _CREATE_VM, 0))
        opened.append(processor := fcntl.ioctl(machine, _CREATE_VCPU, 0))
        stage = "run"
        if machine_name == ARCH_FACTS[Arch.AMD64].machine:
            reason, took_s = _run(system, machine, processor)
            if reason != _EXIT_HALT or took_s > _SLOWEST_S:
                return KvmFacts(stage=stage if reason != _EXIT_HALT else "speed", error=0)
    except OSError as error:
        return KvmFacts(stage=stage, error=error.errno or 0)
    finally:
        for descriptor in reversed(opened):
            os.close(descriptor)
    return KvmFacts(stage="", error=0)


def _run(system: int, machine: int, processor: int) -> tuple[int, float]:
    """Why the guest, which counts and then halts, came back, and the processor time that this took."""
    with mmap.mmap(-1, _PAGE_BYTES) as page, mmap.mmap(processor, fcntl.ioctl(system, _GET_VCPU_MMAP_SIZE, 0)) as state:
        page[_RESET_OFFSET : _RESET_OFFSET + len(_CODE)] = _CODE
        held = ctypes.c_char.from_buffer(page)
        try:
            region = _MEMORY.pack(0, 0, _RESET_PAGE, _PAGE_BYTES, ctypes.addressof(held))
            fcntl.ioctl(machine, _SET_MEMORY, region)
            started_s = time.thread_time()
            fcntl.ioctl(processor, _RUN, 0)
            took_s = time.thread_time() - started_s
        finally:
            del held
        reason: int = _EXIT_REASON.unpack_from(state)[0]
        return reason, took_s

"""What speeds up tests and lets foreign programs run. Builds need none of it."""

import ctypes
import errno
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.app.doctor.report import Finding, ok, warning
from builder.core.arch import ARCH_FACTS, Arch
from builder.vm.kvm import API_VERSION, KvmFacts

# linux/sched.h
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
# System V ABI: e_machine has two bytes at offset 18, little-endian here.
_E_MACHINE = slice(18, 20)

_EMULATED = "virtual machines run in emulation, which works and is many times slower"


def judge_kvm(facts: KvmFacts) -> Finding:
    """Whether virtual machines of this machine's architecture run at full speed."""
    if not facts.stage:
        return ok("kvm", "a virtual machine runs")
    if facts.stage == "version" and not facts.error:
        return warning("kvm", f"speaks version {facts.version} of its interface, not {API_VERSION}", _EMULATED)
    if facts.stage == "open" and facts.error == errno.ENOENT:
        return warning("kvm", "there is no /dev/kvm", _EMULATED)
    if facts.stage == "open" and facts.error in (errno.EACCES, errno.EPERM):
        hint = f"{_EMULATED}; to use it become a member of its group, usually: usermod -aG kvm $USER"
        return warning("kvm", "/dev/kvm may not be opened by this user", hint)
    if facts.stage == "speed":
        return warning("kvm", "virtual machines run, but slower than emulated ones", _EMULATED)
    why = os.strerror(facts.error) if facts.error else "the guest did not do what it was told"
    return warning("kvm", f"/dev/kvm is there and does not work: {why} ({facts.stage})", _EMULATED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """An interpreter that the kernel starts for files whose bytes are `magic` under `mask` (binfmt_misc)."""

    is_enabled: bool
    interpreter: str
    magic: bytes
    mask: bytes

    def accepts(self, header: bytes) -> bool:
        """Whether a file that begins with `header` is started with the interpreter."""
        return self.is_enabled and all(
            (found ^ wanted) & mask == 0 for found, wanted, mask in zip(header, self.magic, self.mask, strict=False)
        )


def parse_registration(text: str) -> Registration | None:
    """One file of /proc/sys/fs/binfmt_misc; None for one that goes by file extension or begins at an offset."""
    fields = dict(line.partition(" ")[::2] for line in text.splitlines()[1:])
    if "magic" not in fields or fields.get("offset", "0") != "0":
        return None
    magic = bytes.fromhex(fields["magic"])
    return Registration(
        is_enabled=text.startswith("enabled"),
        interpreter=fields.get("interpreter", ""),
        magic=magic,
        mask=bytes.fromhex(fields["mask"]) if "mask" in fields else b"\xff" * len(magic),
    )


def elf_header(arch: Arch) -> bytes:
    """The first bytes of an executable for `arch`, as the kernel compares them."""
    bits = 1 if arch is Arch.ARMV7 else 2
    # Class, little-endian, version 1, ABI System V, padding, type executable, machine.
    header = bytearray(b"\x7fELF" + bytes([bits, 1, 1]) + bytes(9) + b"\x02\x00" + bytes(2))
    header[_E_MACHINE] = ARCH_FACTS[arch].elf_machine.to_bytes(2, "little")
    return bytes(header)


def probe_emulators(directory: Path = Path("/proc/sys/fs/binfmt_misc")) -> Mapping[Arch, str]:
    """The interpreter that the kernel starts for executables of each foreign architecture that has one."""
    found = list(_registrations(directory))
    return {
        arch: one.interpreter
        for arch in (Arch.ARMV7, Arch.ARM64)
        for one in found
        if len(one.magic) >= _E_MACHINE.stop and one.accepts(elf_header(arch))
    }


def _registrations(directory: Path) -> Iterator[Registration]:
    try:
        paths = sorted(path for path in directory.iterdir() if path.name not in ("register", "status"))
        texts = [path.read_text() for path in paths]
    except OSError:
        return
    for text in texts:
        registration = parse_registration(text)
        if registration is not None:
            yield registration


def judge_emulators(interpreters: Mapping[Arch, str]) -> Iterator[Finding]:
    """Whether executables for Arm start here, as some tests do."""
    for arch, name in ((Arch.ARMV7, "qemu-arm"), (Arch.ARM64, "qemu-aarch64")):
        if arch in interpreters:
            yield ok(name, f"{arch} executables start with {interpreters[arch]}")
        else:
            hint = f"optional: lets tests start {arch} executables; for example: apt install qemu-user-binfmt"
            yield warning(name, "not registered", hint)


def probe_user_namespaces() -> int:
    """Really make a user and a network namespace in a child process; the error number, 0 when it worked."""
    libc = ctypes.CDLL(None, use_errno=True)
    child = os.fork()
    if child == 0:
        # Nothing but system calls here: the child must not run the parent's clean-up.
        status = libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
        os._exit(0 if status == 0 else ctypes.get_errno())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def judge_user_namespaces(error: int) -> Finding:
    """Whether tests can take the network away without root."""
    if error == 0:
        return ok("user namespaces", "can be made")
    hint = "optional: lets tests run without a network; the administrator or the container's runtime forbids it"
    return warning("user namespaces", f"cannot be made: {os.strerror(error)}", hint)

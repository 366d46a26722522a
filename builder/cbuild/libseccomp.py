"""libseccomp, which runc links: what of its release archive is compiled, and how (docs/adr/0006-libseccomp-without-gperf.md)."""

from builder.cbuild.library import CLibrary
from builder.core.arch import Arch

# The only thing that its sources ask configure for: the headers of the kernel that zig brings know seccomp.
_CONFIGURE_H = "#define HAVE_LINUX_SECCOMP_H 1\n"


def libseccomp(arch: Arch) -> CLibrary:
    """The library for `arch`, with the tables of every architecture: runc's profiles name foreign ones too.

    `src/syscalls.perf.c`, the table of system calls that upstream generates with gperf, and `include/seccomp.h`, which
    configure fills with the version, are part of a release archive; without them the build says so.
    """
    return CLibrary(
        name="seccomp",
        arch=arch,
        sources=("src/*.c", "src/syscalls.perf.c"),
        without=frozenset({"src/arch-syscall-dump.c"}),
        include=(".", "include"),
        generated={"configure.h": _CONFIGURE_H},
        headers=("include/seccomp.h", "include/seccomp-syscalls.h"),
    )

"""The compiled libseccomp knows every system call that its own list has, by name and by number."""

import csv
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from builder.app.make import targets_of
from builder.app.project import find_project
from builder.app.session import Session, Settings
from builder.app.wanted import Wanted
from builder.app.workspace import open_workspace
from builder.cbuild.archive import unpack_source
from builder.core.arch import Arch, host_arch
from builder.core.output import Output
from builder.steps.step import Step
from builder.toolchain.zig import cc, zig_environment
from tests.integration.app.checkout import REPOSITORY

# What libseccomp and its list call the architectures, and what runs their executables elsewhere.
NAMES = {Arch.ARMV7: ("ARM", "arm"), Arch.ARM64: ("AARCH64", "aarch64"), Arch.AMD64: ("X86_64", "x86_64")}
EMULATORS = {Arch.ARMV7: "qemu-arm-static", Arch.ARM64: "qemu-aarch64-static", Arch.AMD64: "qemu-x86_64-static"}
PROGRAM = """
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* For each architecture of each name on standard input: the number, the name of that number. */
int main(void) {
    const uint32_t archs[] = {SCMP_ARCH_ARM, SCMP_ARCH_AARCH64, SCMP_ARCH_X86_64};
    const char *columns[] = {"ARM", "AARCH64", "X86_64"};
    char name[128];
    while (scanf("%127s", name) == 1) {
        for (int i = 0; i < 3; i++) {
            int number = seccomp_syscall_resolve_name_arch(archs[i], name);
            char *back = seccomp_syscall_resolve_num_arch(archs[i], number);
            printf("%s %s %d %s\\n", columns[i], name, number, back ? back : "-");
            free(back);
        }
    }
    /* A filter that the kernel of this architecture would take, and that is not empty. */
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == NULL || seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(mkdirat), 0) != 0) {
        return 1;
    }
    size_t length = 0;
    return seccomp_export_bpf_mem(filter, NULL, &length) != 0 || length == 0;
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """The library of one architecture, what it was made of, and how to compile more."""

    arch: Arch
    prefix: Path
    source: Path
    zig: Path
    cache: Path

    def compile(self, directory: Path) -> Path:
        (directory / "resolve.c").write_text(PROGRAM)
        argv = [
            *cc(self.zig, self.arch),
            "-O1",
            f"-I{self.prefix}/include",
            "resolve.c",
            f"-L{self.prefix}/lib",
            "-lseccomp",
        ]
        environment = {**os.environ, **zig_environment(self.cache)}
        subprocess.run([*argv, "-o", "resolve"], cwd=directory, env=environment, check=True)
        return directory / "resolve"

    def syscalls(self) -> Iterator[dict[str, str]]:
        """Rows of upstream's list; the first column is headed by the kernel's version."""
        with (self.source / "src/syscalls.csv").open() as stream:
            for row in csv.DictReader(stream):
                name, *_ = row.values()
                yield {**row, "name": name}


@pytest.fixture(params=list(Arch))
def built(request: pytest.FixtureRequest, tmp_path: Path) -> Built:
    project = find_project(os.environ)
    with Session(project, Settings()) as session:
        workspace = open_workspace(REPOSITORY / "recipes/edge.yaml", ())
        (target,) = targets_of(workspace, Wanted(archs=[request.param], outputs=[Output.EXECUTABLE]))
        payload: Step[Any] = target.step.needs["executable"].needs["payload"]
        library = payload.needs["helper.runc"].needs["library.seccomp"]
        (archive,) = session.obtain(library.needs["archive"]).iterdir()
        unpack_source(archive, tmp_path / "source")
        return Built(
            arch=request.param,
            prefix=session.obtain(library),
            source=tmp_path / "source",
            zig=session.obtain(library.needs["zig"]),
            cache=project.caches.zig,
        )


def emulator(arch: Arch) -> list[str]:
    if arch == host_arch():
        return []
    found = shutil.which(EMULATORS[arch])
    if found is None:
        pytest.skip(f"{EMULATORS[arch]} is not installed; on Debian: apt install qemu-user-static")
    return [found]


@pytest.mark.network
def test_every_system_call_is_resolved(built: Built, tmp_path: Path) -> None:
    program = built.compile(tmp_path)
    rows = list(built.syscalls())
    assert len(rows) > 450
    names = "\n".join(row["name"] for row in rows)
    argv = [*emulator(built.arch), str(program)]
    said = subprocess.run(argv, input=names, capture_output=True, text=True, check=True).stdout
    found = {(arch, name): (int(number), back) for arch, name, number, back in map(str.split, said.splitlines())}
    for header, column in NAMES.values():
        for row in rows:
            number, back = found[header, row["name"]]
            if row[column] == "PNR":
                # The architecture has no such call: libseccomp gives it a negative number of its own.
                assert number < -1, row
            else:
                assert (number, back) == (int(row[column]), row["name"])


@pytest.mark.network
def test_a_name_that_is_no_system_call_is_not_resolved(built: Built, tmp_path: Path) -> None:
    argv = [*emulator(built.arch), str(built.compile(tmp_path))]
    said = subprocess.run(argv, input="no_such_call", capture_output=True, text=True, check=True).stdout
    assert said.splitlines()[0] == "ARM no_such_call -1 -"

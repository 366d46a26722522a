"""One executable out of a Go module, the same bytes wherever and by whomever it is built."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from builder.core.arch import ARCH_FACTS, Arch
from builder.core.errors import BuilderError
from builder.gobuild.cgo import Cgo
from builder.gobuild.command import Go, target_environment
from builder.io.spawn import CommandError

# The compilers live for seconds, so memory for time is a good trade: 12 % less processor time than with Go's default of
# 100, at 1.4 times the memory of the largest compiler; the linker, which decides the peak, takes 14 % more.
_GOGC = "400"
# What a build declares was measured with two compilers at once, where the linker decides the peak; this bounds the rest.
_MOST_COMPILERS = 4
# Offset of e_machine in the ELF header, two bytes, little-endian on all our targets (System V ABI, figure 4-3).
_ELF_MACHINE_OFFSET = 18

# What `go build -v` tells of each package that it compiles.
_PACKAGE = re.compile(r"[\w.~+/-]+")
_MOST_LINES = 40
_UNTIDY = (
    "go.mod and go.sum do not fit the source; after a change of its imports run 'builder tool -C DIRECTORY go mod tidy' "
    "in the module's directory, or 'builder lock --update --only modules' where the lock has files of its own"
)
_HINTS = {"missing go.sum entry": _UNTIDY, "no required module provides package": _UNTIDY, "updates to go.mod": _UNTIDY}


@dataclass(frozen=True, slots=True, kw_only=True)
class GoBuild:
    """What is built: `package` of the module for `arch` under the file name `name`.

    `variables` maps linker variables (`import/path.Name`) to their values, `cores` are
    those of the machine. Without `cgo`, packages that need C are left out as their build constraints say.
    """

    name: str
    arch: Arch
    package: str
    tags: tuple[str, ...]
    variables: Mapping[str, str]
    cores: int
    cgo: Cgo | None = None

    def run(self, go: Go, *, module_directory: Path, modules: Path, output: Path) -> Path:
        """Build from `module_directory` with the modules of `modules` (see `gobuild.modules`); the executable's path."""
        executable = output / self.name
        extra = {"GOGC": _GOGC, "GOPROXY": modules.as_uri(), **target_environment(self.arch)}
        if self.cgo is not None:
            extra |= self.cgo.environment(self.arch, go.scratch)
        command = go.command("build", *self.options(executable), self.package, cwd=module_directory, extra=extra)
        try:
            go.runner.run(command)
        except CommandError as error:
            raise _explained(error) from error
        _require_machine(executable, self.arch)
        return executable

    def options(self, executable: Path) -> list[str]:
        """The options of `go build`; the environment is that of `run`."""
        settings = " ".join(f"-X '{name}={value}'" for name, value in sorted(self.variables.items()))
        options = ["-v", "-trimpath", "-buildvcs=false", "-mod=readonly", f"-p={min(self.cores, _MOST_COMPILERS)}"]
        if self.tags:
            options.append(f"-tags={','.join(self.tags)}")
        # C is linked by zig, after whose options Go's own come; without C this has no effect, so it is left out.
        external = " -extldflags=-static" if self.cgo is not None else ""
        # No build ID: it would differ with the toolchain's own path in Go's cache without any difference in code.
        return [*options, f"-ldflags=-s -w -buildid={external} {settings}".rstrip(), f"-o={executable}"]


def _explained(error: CommandError) -> CommandError:
    """`error` with what the compiler says in place of the last lines, most of which name packages that went well."""
    output = error.failure.log.read_text(errors="replace").splitlines()
    said = [line for line in output if not _PACKAGE.fullmatch(line) and not line.startswith("$ ")]
    hint = next((hint for words, hint in _HINTS.items() if any(words in line for line in said)), error.hint)
    return CommandError(error.brief, failure=replace(error.failure, last_lines=said[-_MOST_LINES:]), hint=hint)


def _require_machine(executable: Path, arch: Arch) -> None:
    with executable.open("rb") as stream:
        header = stream.read(_ELF_MACHINE_OFFSET + 2)
    machine = int.from_bytes(header[_ELF_MACHINE_OFFSET:], "little")
    if not header.startswith(b"\x7fELF") or machine != ARCH_FACTS[arch].elf_machine:
        raise BuilderError(
            f"the build for {arch} made something else", details=[f"{executable.name}: ELF machine {machine}"]
        )

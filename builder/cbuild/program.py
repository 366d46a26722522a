"""A small static program out of C sources."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.cbuild.library import CFLAGS
from builder.core.arch import ARCH_FACTS, Arch
from builder.core.errors import BuilderError
from builder.formats.elf import open_elf, read_dynamic
from builder.toolchain.zig import Zig

# Our own programs are a few kilobytes, so size is what counts, and every warning is an error.
_FLAGS = (*CFLAGS, "-Os", "-Wall", "-Wextra", "-Werror", "-Wl,--gc-sections", "-s")


@dataclass(frozen=True, slots=True, kw_only=True)
class CProgram:
    """The static executable `name` for `arch`.

    `sources` are relative to the source tree, `texts` are macros and what they stand for, each a string in C.
    """

    name: str
    arch: Arch
    sources: tuple[str, ...]
    texts: Mapping[str, str]

    def run(self, zig: Zig, *, tree: Path, output: Path) -> Path:
        """Compile in the source tree `tree` into the directory `output`; the executable."""
        executable = output / self.name
        macros = [f'-D{name}="{text}"' for name, text in sorted(self.texts.items())]
        zig.run((*zig.cc(self.arch), *_FLAGS, *macros, "-o", str(executable), *self.sources), cwd=tree)
        with open_elf(executable) as elf:
            dynamic = read_dynamic(elf)
            if elf.machine != ARCH_FACTS[self.arch].elf_machine or dynamic.interpreter or dynamic.needed:
                raise BuilderError(f"{self.name} is no static executable for {self.arch}")
        return executable

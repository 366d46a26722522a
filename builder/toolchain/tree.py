"""A tools tree: packages of Debian for the machine that builds, unpacked but not installed, whose programs run as they are.

A program is started through the loader of its own tree, so no library of the machine is used and none is missing; no root, no
namespace and no installed package is needed. The loader does not hand itself on: a program that starts others finds those
of the machine, or none. So scripts are refused here, and tools that start others need an enclosure (`io.enclosure`) or no such
use: `mkimage` of source files (it starts dtc), `tar` of compressed archives, `grub-mkrescue`, `mmdebstrap`, `apt-get`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.core.arch import ARCH_FACTS, Arch
from builder.core.errors import BuilderError, MissingToolError
from builder.formats.elf import Dynamic, ElfError, open_elf, read_dynamic
from builder.io.command import Command
from builder.toolchain.tool_facts import facts_of

# Where programs lie.
PLACES = ("usr/bin", "usr/sbin")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolsTree:
    """The tree at `root`, whose programs are for `arch`."""

    root: Path
    arch: Arch

    @property
    def libraries(self) -> Path:
        """The directory of libraries."""
        return self.root / "usr/lib" / ARCH_FACTS[self.arch].triplet

    def command(
        self,
        name: str,
        *arguments: str | Path,
        env: Mapping[str, str] | None = None,
        cwd: Path = Path("/"),
        stdin: Path | None = None,
    ) -> Command:
        """The command that starts the program `name` (of `usr/bin`, `usr/sbin`, or a path in the tree) with `arguments`.

        Its environment is what the tree makes necessary, and `env`. `MissingToolError` where there is no such program.
        """
        argv, settings = self.start(name)
        return Command(
            argv=[*argv, *map(str, arguments)], env={**settings, **(env or {})}, cwd=cwd, stdin=stdin, name=name
        )

    def start(self, name: str) -> tuple[tuple[str, ...], Mapping[str, str]]:
        """How the program `name` is started: the words before its arguments, and its environment."""
        program = self._find(name)
        dynamic = _dynamic(program)
        facts = facts_of(program.name, dynamic=bool(dynamic.interpreter))
        argv = [str(program)]
        if dynamic.interpreter:
            search = ":".join(map(str, self.library_path(dynamic)))
            loader = self.root / dynamic.interpreter.lstrip("/")
            argv = [str(loader), "--inhibit-cache", "--library-path", search, "--argv0", program.name, str(program)]
        argv += [self._filled(argument) for argument in facts.arguments]
        return tuple(argv), {key: self._filled(value) for key, value in facts.environment.items()}

    def library_path(self, dynamic: Dynamic) -> list[Path]:
        """The directories that hold what a file loads: that of libraries, and those that it names itself."""
        return [self.libraries, *(self.root / path.lstrip("/") for path in _absolute(dynamic))]

    def has(self, name: str) -> bool:
        """Whether the tree has a program `name`."""
        return any((self.root / place / name).exists() for place in PLACES)

    def _find(self, name: str) -> Path:
        places = [self.root / name] if "/" in name else [self.root / place / name for place in PLACES]
        found = next((path for path in places if path.is_file()), None)
        if found is None:
            raise MissingToolError(
                f"there is no program {name} in the tools tree {self.root}",
                hint="debian.tools.sets of the recipe says which packages are in it; then: builder lock --update",
            )
        return found

    def _filled(self, text: str) -> str:
        return text.format(tree=self.root, libraries=self.libraries)


def _dynamic(program: Path) -> Dynamic:
    try:
        with open_elf(program) as elf:
            return read_dynamic(elf)
    except ElfError as error:
        raise BuilderError(
            f"{program.name} of the tools cannot be started by itself: {error}",
            details=[str(program)],
            hint="a script starts other programs, which would be this machine's; call what it calls",
        ) from None


def _absolute(dynamic: Dynamic) -> list[str]:
    """Directories in which a program looks for libraries, other than those beside itself (`$ORIGIN`)."""
    return [path for entry in dynamic.search_paths for path in entry.split(":") if path.startswith("/")]

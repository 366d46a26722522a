"""C in a Go build: compiled and linked by zig, nothing of the host's C."""

from dataclasses import dataclass
from pathlib import Path

from builder.core.arch import Arch
from builder.toolchain.zig import Zig

# The same as for libraries of C alone: no debug information, which would name directories.
_CFLAGS = ("-O2", "-g0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cgo:
    """What a Go build with C needs: the compiler, and static `libraries` with their headers below the directory `prefix`.

    `prefix` is laid out as `cbuild.library.CLibrary` writes it: `include/`, `lib/lib<name>.a`.
    """

    zig: Zig
    prefix: Path
    libraries: tuple[str, ...]

    def environment(self, arch: Arch, scratch: Path) -> dict[str, str]:
        """The variables to add to those of a build for `arch` (https://pkg.go.dev/cmd/cgo); writes into `scratch`."""
        link = [f"-L{self.prefix / 'lib'}", *(f"-l{name}" for name in self.libraries)]
        return {
            **self.zig.environment(),
            "CGO_ENABLED": "1",
            "CC": _line(self.zig.cc(arch)),
            "CGO_CFLAGS": _line((*_CFLAGS, f"-I{self.prefix / 'include'}")),
            "CGO_LDFLAGS": _line(link),
            "PKG_CONFIG": _line([str(_silent_pkg_config(scratch))]),
        }


def _silent_pkg_config(scratch: Path) -> Path:
    """A pkg-config that knows every library and has nothing to say: the flags are in the environment.

    Packages ask it by `#cgo pkg-config:`; the host's would answer for the host.
    """
    script = scratch / "pkg-config"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    return script


def _line(words: tuple[str, ...] | list[str]) -> str:
    """Words as the Go command reads them back from a variable: quoted, where they have blanks, without any escapes."""
    return " ".join(_quoted(word) for word in words)


def _quoted(word: str) -> str:
    if not any(letter.isspace() or letter in "'\"" for letter in word):
        return word
    quote = '"' if "'" in word else "'"
    return f"{quote}{word}{quote}"

"""What is asked of an executable, and what an audit says of it."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from builder.core.arch import Arch


class Check(StrEnum):
    """What an audit looks at, by the name that manifests use."""

    FORMAT = "format"
    ARCHITECTURE = "architecture"
    FLOAT_ABI = "float-abi"
    LINKAGE = "linkage"
    SEARCH_PATH = "search-path"
    STRIPPED = "stripped"
    STACK = "stack"
    SEGMENTS = "segments"
    HOST_PATHS = "host-paths"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedSet:
    """A directory that holds everything that its executables load: the loader and all libraries."""

    directory: Path

    def has(self, name: str) -> bool:
        """Whether the file `name` lies in the directory, not just a link that leads out of it."""
        place = self.directory / name
        return place.is_file() and place.resolve().is_relative_to(self.directory.resolve())


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What an executable has to be: for `arch`; static, or complete within `closed_set`; without any of `host_paths`.

    `host_paths` are as `hostpaths.searchable` returns them. `stripped`: neither symbols nor debugging information.
    """

    arch: Arch
    closed_set: ClosedSet | None = None
    host_paths: tuple[str, ...] = ()
    stripped: bool = True

    def asks_for(self, check: Check) -> bool:
        """Whether there is anything to check: without paths to look for none can be found."""
        return {Check.STRIPPED: self.stripped, Check.HOST_PATHS: bool(self.host_paths)}.get(check, True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is wrong: `what` and where in the file, and `remedy`, what to do about it."""

    check: Check
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what} -> {self.remedy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What an audit of the executable `name` looked at, and what it found.

    `appended_bytes` follow the program and were not looked at.
    """

    name: str
    checked: tuple[Check, ...]
    findings: tuple[Finding, ...]
    appended_bytes: int = 0

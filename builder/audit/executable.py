"""Audits executables: everything that is wrong with each of them, at once."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from builder.audit.checks import CHECKS, findings_of
from builder.audit.hostpaths import find_host_paths
from builder.audit.kinds import described
from builder.audit.rules import Audit, Check, Finding, Rules
from builder.core.errors import VerificationError
from builder.formats.elf import MAGIC, ElfError, ElfFile, open_elf


def audit_executable(path: Path, rules: Rules, *, name: str = "") -> Audit:
    """Judge the file at `path` by `rules`; it is told as `name`, by default its own. Raises nothing but OSError."""
    name = name or path.name
    problem = _not_elf(path)
    if problem is not None:
        remedy = f"an ELF executable for {rules.arch} is needed here"
        finding = Finding(check=Check.FORMAT, what=problem, remedy=remedy)
        return Audit(name=name, checked=(Check.FORMAT,), findings=(finding,))
    try:
        with open_elf(path) as elf:
            findings = [finding for check in CHECKS for finding in findings_of(check, elf, rules)]
            findings.extend(_host_paths(path, elf, rules))
            return Audit(
                name=name,
                checked=tuple(check for check in Check if rules.asks_for(check)),
                findings=tuple(findings),
                appended_bytes=elf.size_bytes - elf.end,
            )
    except ElfError as error:
        finding = Finding(check=Check.FORMAT, what=str(error), remedy="get or build the file again")
        return Audit(name=name, checked=(Check.FORMAT,), findings=(finding,))


def audit_directory(directory: Path, rules: Rules) -> tuple[Audit, ...]:
    """Judge everything below `directory` that is executable or an ELF file, links aside; names are relative to it."""
    return tuple(
        audit_executable(path, rules, name=str(path.relative_to(directory))) for path in _executables(directory)
    )


def require_sound(audits: Iterable[Audit]) -> None:
    """Raise `VerificationError` with all findings of `audits`, if there are any."""
    bad = [audit for audit in audits if audit.findings]
    if bad:
        names = ", ".join(audit.name for audit in bad)
        raise VerificationError(
            f"not fit to run on a device: {names}",
            details=[f"{audit.name}: {finding.check}: {finding.what}" for audit in bad for finding in audit.findings],
            hint="; ".join(dict.fromkeys(finding.remedy for audit in bad for finding in audit.findings)),
        )


def _not_elf(path: Path) -> str | None:
    """What is at `path` where that is no ELF file."""
    if not path.exists():
        return "there is no such file"
    if path.is_dir():
        return "a directory"
    if not path.is_file():
        return "not a regular file"
    return None if _has_magic(path) else described(path)


def _host_paths(path: Path, elf: ElfFile, rules: Rules) -> Iterator[Finding]:
    for hit in find_host_paths(path, rules.host_paths, end=elf.end):
        places = (one for one in elf.sections if one.start <= hit.offset < one.start + one.size_bytes)
        section = next((f", in {one.name}" for one in places), "")
        yield Finding(
            check=Check.HOST_PATHS,
            what=f"a path of the building machine at byte {hit.offset}{section}: {hit.text}",
            remedy="build with -trimpath (Go) or -ffile-prefix-map=DIRECTORY=. (C), and keep paths out of linker variables",
        )


def _executables(directory: Path) -> Iterator[Path]:
    for path in sorted(directory.rglob("*")):
        if not path.is_symlink() and path.is_file() and (os.access(path, os.X_OK) or _has_magic(path)):
            yield path


def _has_magic(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(MAGIC)) == MAGIC

"""The machine, its interpreter, its clock and its way to the network."""

import importlib.util
import platform
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from builder.app.doctor.report import Finding, missing, ok, warning
from builder.core.arch import ARCH_FACTS
from builder.core.resources import Resources, format_size

LEAST_PYTHON = (3, 11)

_PROXY_NAMES = (
    "ALL_PROXY",
    "GONOSUMDB",
    "GOPROXY",
    "GOSUMDB",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "PIP_INDEX_URL",
)
# A clock that is a little behind the machine where the lock was made does no harm.
_CLOCK_SLACK_S = 86_400


def probe_machine() -> str:
    """What uname calls this machine's architecture."""
    return platform.machine()


def judge_architecture(machine: str) -> Finding:
    """Whether toolchains are known that run here."""
    for arch, facts in ARCH_FACTS.items():
        if facts.machine == machine:
            return ok("architecture", f"{machine} ({arch})")
    known = ", ".join(facts.machine for facts in ARCH_FACTS.values())
    return missing("architecture", machine, f"toolchains run on {known} only; use such a machine")


def probe_resources() -> Resources:
    """The cores and the memory that a build may use here."""
    from builder.io.machine import machine_resources  # noqa: PLC0415 - what judges needs no machine

    return machine_resources()


def judge_resources(machine: Resources, largest: Resources) -> tuple[Finding, Finding]:
    """Whether the largest step fits; fewer cores than it declares only make it slower."""
    cores = f"{machine.cores}, the largest step can use {largest.cores}"
    memory = f"{format_size(machine.memory_bytes)}, the largest step needs {format_size(largest.memory_bytes)}"
    return (
        ok("cores", cores)
        if machine.cores >= largest.cores
        else warning("cores", cores, "builds work, and take longer"),
        ok("memory", memory)
        if machine.memory_bytes >= largest.memory_bytes
        else missing(
            "memory", memory, "use a larger machine, or raise the memory limit of the container or control group"
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonFacts:
    """The interpreter: its version, whether it is in a virtual environment, whether it could make one."""

    version: tuple[int, int, int]
    in_environment: bool
    can_make_environment: bool


def probe_python() -> PythonFacts:
    """The interpreter that runs this."""
    return PythonFacts(
        version=sys.version_info[:3],
        in_environment=sys.prefix != sys.base_prefix,
        can_make_environment=all(importlib.util.find_spec(name) is not None for name in ("venv", "ensurepip")),
    )


def judge_python(facts: PythonFacts) -> Finding:
    """Whether the interpreter is new enough and can make the private environment that the builder lives in."""
    version = ".".join(map(str, facts.version))
    if facts.version < LEAST_PYTHON:
        least = ".".join(map(str, LEAST_PYTHON))
        return missing("python", version, f"install Python {least} or newer, for example: apt install python3")
    if facts.in_environment:
        return ok("python", f"{version}, in an environment of its own")
    if facts.can_make_environment:
        return ok("python", f"{version}, can make virtual environments")
    hint = "on Debian and Ubuntu: apt install python3-venv"
    return missing("python", f"{version}, cannot make virtual environments", hint)


def find_program(name: str, environment: Mapping[str, str]) -> str | None:
    """Where on the PATH of `environment` the program `name` lies."""
    return shutil.which(name, path=environment.get("PATH", ""))


def judge_git(path: str | None) -> Finding:
    """Git keeps the checkout up to date; builds read files and ask no version control."""
    if path is None:
        hint = "builds work without; to update the checkout install it, for example: apt install git"
        return warning("git", "not on the PATH", hint)
    return ok("git", path)


def judge_clock(now_s: float, epoch_s: int) -> Finding:
    """Certificates and signatures are refused by a machine that lives in the past."""
    now = datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
    if now_s < epoch_s - _CLOCK_SLACK_S:
        lock_date = datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%d")
        hint = f"the lock was made on {lock_date}, so this clock is slow and certificates will be refused; set it"
        return missing("clock", now, hint)
    return ok("clock", now)


def judge_network(environment: Mapping[str, str]) -> Finding:
    """Which proxy settings are there: their names only, as their values may hold passwords."""
    found = [name for name in sorted(environment) if name.upper() in _PROXY_NAMES and environment[name]]
    return ok("proxy settings", ", ".join(found) or "none")

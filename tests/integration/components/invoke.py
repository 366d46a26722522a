"""Runs the executable for a short answer."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.integration.components.process import clean_environment

TIMEOUT_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    code: int
    stdout: str
    stderr: str


def invoke(executable: Path, *arguments: str, argv0: str | None = None, directory: Path | None = None) -> Result:
    """Run to the end; `argv0` is the name under which the executable is started."""
    argv: Sequence[str] = [argv0 or str(executable), *arguments]
    done = subprocess.run(
        argv,
        executable=executable,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=directory,
        env=clean_environment({}),
        timeout=TIMEOUT_S,
        check=False,
    )
    return Result(code=done.returncode, stdout=done.stdout, stderr=done.stderr)


def component_versions(kedge: Path) -> dict[str, str]:
    """The version of each component as `kedge version` tells it."""
    report = json.loads(invoke(kedge, "version", "-o", "json").stdout)
    return {component["name"]: component["version"] for component in report["components"]}

"""The git command."""

import shutil
import subprocess
from collections.abc import Mapping

from builder.core.errors import BuilderError, MissingToolError


def git(*arguments: str, env: Mapping[str, str]) -> str:
    """The output of `git ARGUMENTS`, without white space around it."""
    executable = shutil.which("git", path=env.get("PATH"))
    if executable is None:
        raise MissingToolError("git is not on the PATH", hint="install it, for example: apt install git")
    completed = subprocess.run([executable, *arguments], env=dict(env), check=False, capture_output=True, text=True)
    if completed.returncode != 0:
        raise BuilderError(f"git {arguments[0]} failed", details=completed.stderr.splitlines())
    return completed.stdout.strip()

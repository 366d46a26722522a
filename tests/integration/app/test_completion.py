import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# What bash does when a person presses the tab key.
COMPLETE = """
eval "$("$BUILDERW" completion bash)"
COMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_builderw_completion "$BUILDERW" && echo "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        pytest.param("builderw ma", "make", id="command"),
        pytest.param("builderw make --of", "--offline", id="option"),
        pytest.param("builderw make --arch armv", "armv7", id="value"),
        pytest.param("builderw cache ve", "verify", id="command of a group"),
    ],
)
def test_bash_completes(words: str, completed: str) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash on the PATH")
    environment = {**os.environ, "BUILDERW": str(ROOT / "builderw")}
    done = subprocess.run([bash, "-c", COMPLETE % words], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [completed]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_script_for(shell: str) -> None:
    command = [sys.executable, "-P", "-m", "builder", "completion", shell]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=True
    )
    assert b"_BUILDER_COMPLETE=complete_" in done.stdout

"""The first page's cluster, for real: three architectures, and an application from an image of one's own.

`DEMO_CAST=docs/demo.cast` keeps the recording.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.docs.commands import documented_commands
from tests.integration.lab.commands import ROOT, environment
from tests.qemu.recording import Recording

_FIRST = ("make", "demo")
_MOST_COMMANDS = 4


def commands() -> list[list[str]]:
    """Those of the first page, from the one that builds the demo on, without the builder's name."""
    found = [list(command.words[1:]) for command in documented_commands() if command.file == "README.md"]
    first = next(index for index, words in enumerate(found) if words[:2] == list(_FIRST))
    return found[first : first + _MOST_COMMANDS]


@pytest.mark.slow
def test_the_demo_of_the_first_page() -> None:
    recording = Recording(cwd=ROOT, environment=environment())
    said = []
    try:
        for words in commands():
            shown = shlex.join(["./builderw", *words])
            said.append(recording.run(shown, [sys.executable, "-P", "-m", "builder", *words]))
    finally:
        subprocess.run([sys.executable, "-P", "-m", "builder", "lab", "down", "--lab", "mixed"], cwd=ROOT, check=False)
    if target := os.environ.get("DEMO_CAST"):
        Path(target).write_text(recording.cast("Three architectures, one cluster, an application"))
    _, up, rolled_out, logs = said
    assert all(f"{name}: ready" in up for name in ("barn", "field-1", "field-2"))
    assert "successfully rolled out" in rolled_out
    greetings = re.findall(r"hello from (\S+) \((\S+)\)", logs)
    assert sorted(greetings) == [("field-1", "armv7l"), ("field-2", "aarch64")]

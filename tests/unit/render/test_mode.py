import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from builder.cli.render.mode import Mode, RenderFlags, choose_mode

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Stream:
    is_terminal: bool

    def isatty(self) -> bool:
        return self.is_terminal


XTERM = {"TERM": "xterm-256color"}


@pytest.mark.parametrize(
    ("is_terminal", "environment", "flags", "mode"),
    [
        (True, XTERM, RenderFlags(), Mode.TERMINAL),
        (True, XTERM | {"CI": "false"}, RenderFlags(), Mode.TERMINAL),
        (True, XTERM | {"CI": ""}, RenderFlags(), Mode.TERMINAL),
        (True, XTERM | {"NO_COLOR": "1"}, RenderFlags(), Mode.TERMINAL),
        (True, XTERM | {"CI": "true"}, RenderFlags(), Mode.PLAIN),
        (True, {"TERM": "dumb"}, RenderFlags(), Mode.PLAIN),
        (True, {}, RenderFlags(), Mode.PLAIN),
        (False, XTERM, RenderFlags(), Mode.PLAIN),
        (True, XTERM, RenderFlags(quiet=True), Mode.QUIET),
        (False, {"CI": "1"}, RenderFlags(quiet=True), Mode.QUIET),
        (True, XTERM, RenderFlags(json_events=True), Mode.JSON),
        (True, XTERM, RenderFlags(json_events=True, quiet=True), Mode.JSON),
    ],
)
def test_mode_fits_the_stream(
    is_terminal: bool, environment: Mapping[str, str], flags: RenderFlags, mode: Mode
) -> None:
    assert choose_mode(Stream(is_terminal), environment, flags) is mode


def test_results_and_logs_need_no_rich() -> None:
    names = ("error", "mode", "plain", "plan", "renderer", "report", "table", "json_lines")
    imports = ", ".join(f"builder.cli.render.{name}" for name in names)
    code = f"import sys, {imports}; print([name for name in sys.modules if name.split('.')[0] in ('rich', 'typer')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"

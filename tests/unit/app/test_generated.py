from pathlib import Path

import pytest

from builder.cli.generate import generated_files
from builder.core.generated import COMMAND

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", list(generated_files()))
def test_generated_files_are_current(name: str) -> None:
    current = (ROOT / name).read_text(encoding="utf-8")
    assert current == generated_files()[name], f"{name} is out of date; run: {COMMAND}"

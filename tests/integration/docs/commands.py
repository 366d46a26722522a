"""The commands that the documentation tells people to run."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_FENCE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Documented:
    """A command and where it stands."""

    file: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.file}: {' '.join(self.words)}"

    @property
    def text(self) -> str:
        return " ".join(self.words)


def documents() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(document: str) -> list[str]:
    """Every block of a document that is marked as shell."""
    return _FENCE.findall((ROOT / document).read_text())


def documented_commands() -> Iterator[Documented]:
    """Every line of every block that is marked as shell."""
    for document in documents():
        name = str(document.relative_to(ROOT))
        for block in blocks(name):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                if words:
                    yield Documented(file=name, words=tuple(words))

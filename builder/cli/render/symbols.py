"""The few signs that are not letters, with a form for terminals that have only ASCII, and words for logs."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbols:
    """Signs; the first three stand at the beginning of a line and bring the space that follows them.

    `spinner` is shown one after the other; `bar` is the done and the open part of a progress bar.
    """

    done: str
    failed: str
    skipped: str
    waiting: str
    ellipsis: str
    dot: str
    spinner: str
    bar: tuple[str, str]


UNICODE = Symbols(
    done="✓ ", failed="✗ ", skipped="- ", waiting="…", ellipsis="…", dot="·", spinner="⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", bar=("━", "─")
)
ASCII = Symbols(
    done="+ ", failed="x ", skipped="- ", waiting="~", ellipsis="...", dot="|", spinner="-\\|/", bar=("#", ".")
)
# In logs a word can be searched for.
WORDS = Symbols(done="", failed="error: ", skipped="", waiting="", ellipsis="...", dot="|", spinner="-", bar=("#", "."))


def choose_symbols(encoding: str, environment: Mapping[str, str]) -> Symbols:
    """The signs that a stream of `encoding` can carry; the Linux console's font has none but ASCII's."""
    if environment.get("TERM") == "linux":
        return ASCII
    try:
        "".join([UNICODE.done, UNICODE.failed, UNICODE.ellipsis, UNICODE.spinner, *UNICODE.bar]).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE

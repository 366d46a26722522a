"""The order of Debian's version numbers (Debian Policy 5.6.12, deb-version(7))."""

import re

from builder.core.errors import BuilderError

_FORM = re.compile(r"(?:(\d+):)?([A-Za-z0-9.+~-]+?)(?<!-)(?:-([A-Za-z0-9.+~]+))?")
_PIECES = re.compile(r"(\D*)(\d*)")
_LETTERS = range(ord("A"), ord("z") + 1)

VersionKey = tuple[int, tuple[tuple[tuple[int, ...], int], ...], tuple[tuple[tuple[int, ...], int], ...]]


def version_key(version: str) -> VersionKey:
    """What sorts `version`, `[epoch:]upstream[-revision]`, as dpkg does; `BuilderError` for another form."""
    match = _FORM.fullmatch(version)
    if match is None:
        raise BuilderError(f"{version!r} is no version of a Debian package")
    return int(match[1] or 0), _pieces(match[2]), _pieces(match[3] or "")


def _pieces(text: str) -> tuple[tuple[tuple[int, ...], int], ...]:
    """Texts and numbers in turn. A text's end sorts after `~` and before all else: it is 0 there, `~` is -1."""
    pairs = [(text, number) for text, number in _PIECES.findall(text) if text or number]
    return (*(((*map(_rank, text), 0), int(number or 0)) for text, number in pairs), ((0,), 0))


def _rank(character: str) -> int:
    """Letters before everything else; `~` before even the end."""
    if character == "~":
        return -1
    return ord(character) + (0 if ord(character) in _LETTERS else 256)

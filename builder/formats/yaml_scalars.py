"""What an unquoted YAML value means.

Only the core rules of YAML 1.2 count (section 10.3.2 of its specification): `true`, `false`, `null`, decimal integers
and floats. Whatever YAML 1.1 guessed beyond them (`yes`, `12:30:00`, `2026-01-01`, `1_000`, `0x1F`) stays text. The
one form that both versions read as a number, but as a different one, is refused.
"""

import math
import re

from builder.formats.yaml_tree import YamlScalar

_WORDS: dict[str, YamlScalar] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_NUMBER_STARTS = frozenset("+-.0123456789")
# No recipe counts further than a signed 64-bit integer, and readers in other languages stop there.
_INT_LIMIT = 1 << 63


class AmbiguousScalarError(ValueError):
    """The value means different things to different readers of YAML; the message says what to write instead, not what it is."""


def resolve_plain(text: str) -> YamlScalar:
    """The value of the unquoted scalar `text`; `AmbiguousScalarError` where nobody can be sure of it."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    if _LEADING_ZERO.fullmatch(text):
        raise AmbiguousScalarError(
            "a number with a leading zero is octal to some readers; write it without, or in quotes for text"
        )
    if _INT.fullmatch(text):
        # int() refuses thousands of digits with an error of its own; none of them would fit.
        if len(text) > len(str(_INT_LIMIT)) + 1 or not -_INT_LIMIT <= int(text) < _INT_LIMIT:
            raise AmbiguousScalarError("the number does not fit into 64 bits; put it in quotes if it is text")
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if math.isinf(number):
            raise AmbiguousScalarError("the number is out of range; put it in quotes if it is text")
        return number
    return text

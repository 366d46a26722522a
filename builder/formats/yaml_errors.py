"""Says in plain words what a YAML parser complains about.

libyaml and PyYAML's own parser word the same complaint differently, so each pattern covers both.
"""

import re

from yaml.error import MarkedYAMLError

_NOT_CLOSED = re.compile(r"(?:did not find expected|expected) ',' or '([\]}])'")
_BAD_START = re.compile(r"found character .*that cannot start any token")
_MEANINGS: tuple[tuple[str, str], ...] = (
    (
        "mapping values are not allowed",
        "a ':' is not expected here; quote a value that contains ': ', and check the indentation",
    ),
    ("could not find expected ':'", "this key has no ':' after it; write 'key: value'"),
    ("sequence entries are not allowed", "a list item '- ' is not expected here; start the list on a new line"),
    ("found unexpected end of stream|found unexpected document indicator", "the quote that opens here is never closed"),
    ("found a tab character", "a tab cannot indent; use spaces"),
    ("invalid Unicode character escape", "the escape names no Unicode character"),
    ("found unknown escape character", "unknown escape after '\\'; single quotes keep backslashes as they are"),
    ("expected '-' indicator", "a list item '- ' is expected here; check the indentation"),
    (
        "did not find expected key|expected <block end>",
        "this does not continue what stands above; check the indentation and the quotes",
    ),
    ("expected (the )?node content", "a value is expected here; quote text that starts with a special character"),
    ("tag", "tags (!) are not supported; quotes make a value text"),
    ("document start", "the document has ended above; nothing may follow it"),
)

# What the parser was reading, not where it gave up.
_ABOUT_ITS_START = ("the quote that opens here", "this key has no ':'")


def explain(error: MarkedYAMLError, text: str) -> tuple[str, int, int]:
    """A message for people about `error` in `text`, with line and column counted from 1."""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    problem = error.problem or error.context or "not valid YAML"
    if unclosed := _NOT_CLOSED.search(problem):
        opening = error.context_mark or mark
        bracket = "[" if unclosed[1] == "]" else "{"
        line, column = (opening.line, opening.column) if opening else (line, column)
        return f"'{bracket}' opens here, but a ',' or the closing '{unclosed[1]}' is missing", line + 1, column + 1
    if _BAD_START.search(problem):
        return _bad_start(text, line, column), line + 1, column + 1
    for pattern, meaning in _MEANINGS:
        if re.search(pattern, problem):
            if meaning.startswith(_ABOUT_ITS_START) and error.context_mark:
                line, column = error.context_mark.line, error.context_mark.column
            return meaning, line + 1, column + 1
    return f"not valid YAML: {problem}", line + 1, column + 1


def _bad_start(text: str, line: int, column: int) -> str:
    lines = text.split("\n")
    rest = lines[line][column:] if line < len(lines) else ""
    if rest.startswith("\t"):
        return "a tab cannot indent; use spaces"
    return f"a value cannot start with '{rest[:1]}'; put it in quotes"

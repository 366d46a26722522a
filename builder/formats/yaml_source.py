"""Reads YAML strictly, keeping for every key and value the line and column where it was written.

Strict means: what two readers of YAML could take differently is an error that says what to write instead. Nothing is
raised: a `Document` carries every mistake of its source, so that the caller can report those of several files at once.
"""

import re
from collections.abc import Callable
from pathlib import Path

import yaml
from yaml.error import MarkedYAMLError
from yaml.reader import ReaderError

from builder.formats.yaml_compose import Composer, EventStream, StopReadingError
from builder.formats.yaml_tree import Document, Node, Place, Problem, Source

MAX_BYTES = 1 << 20

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_UTF8_MARK = b"\xef\xbb\xbf"


def python_parser(text: str) -> EventStream:
    """PyYAML's own parser, for machines whose PyYAML comes without libyaml."""
    return yaml.BaseLoader(text)


def fastest_parser(text: str) -> EventStream:
    """The parser of libyaml where PyYAML has it (many times as fast), else PyYAML's own."""
    return yaml.CBaseLoader(text) if yaml.__with_libyaml__ else python_parser(text)


def read_document(path: Path, source: Source) -> Document:
    """Read the file at `path`; a file that cannot be read is a problem at `source` as a whole."""
    try:
        if path.exists() and not path.is_file():
            return _failed(source, "this is a directory, not a file" if path.is_dir() else "this is not a regular file")
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        return _failed(source, _why_unreadable(error))
    return parse_document(data, source)


def _why_unreadable(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, PermissionError):
        return "no permission to read this file"
    # ValueError: a zero byte in the name.
    return f"cannot be read: {error.strerror}" if isinstance(error, OSError) else "this cannot be a file name"


def parse_document(data: bytes, source: Source, *, parser: Callable[[str], EventStream] = fastest_parser) -> Document:
    """The tree and the mistakes of `data`, which holds one YAML document in UTF-8."""
    if len(data) > MAX_BYTES:
        return _failed(source, f"larger than {MAX_BYTES >> 20} MiB, the limit for a file like this")
    if data.startswith(_UTF16_MARKS):
        return _failed(source, "encoded as UTF-16; save it as UTF-8")
    problems: list[Problem] = []
    if data.startswith(_UTF8_MARK):
        problems.append(_problem(source, 1, 1, "starts with a byte order mark; save it as UTF-8 without one"))
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start]
        column = len(before.rpartition(b"\n")[2].decode()) + 1
        message = f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        return Document(
            source=source, root=None, problems=(*problems, _problem(source, before.count(b"\n") + 1, column, message))
        )
    if (carriage := text.find("\r")) >= 0:
        line = text.count("\n", 0, carriage) + 1
        problems.append(_problem(source, line, 1, "a carriage return ends the line; save with Unix line ends (LF)"))
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    root = _compose(text, source, problems, parser)
    return Document(source=source, root=root, problems=tuple(problems))


def _compose(text: str, source: Source, problems: list[Problem], parser: Callable[[str], EventStream]) -> Node | None:
    try:
        return Composer(parser(text), source, problems).document()
    except StopReadingError:
        return None
    except MarkedYAMLError as error:
        from builder.formats.yaml_errors import explain  # noqa: PLC0415 - its patterns cost start-up time

        message, line, column = explain(error, text)
        problems.append(_problem(source, line, column, message))
    except ReaderError:
        problems.append(_unprintable(text, source))
    return None


def _unprintable(text: str, source: Source) -> Problem:
    """The problem of the first character that YAML does not allow (section 5.1 of its specification, `c-printable`)."""
    found = re.search("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text)
    if found is None:
        return _problem(source, 0, 0, "holds a character that YAML does not allow")
    before = text[: found.start()]
    message = f"the character U+{ord(found[0]):04X} is not allowed; in double quotes it can be written as an escape"
    return _problem(source, before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1, message)


def _failed(source: Source, message: str) -> Document:
    return Document(source=source, root=None, problems=(_problem(source, 0, 0, message),))


def _problem(source: Source, line: int, column: int, message: str) -> Problem:
    return Problem(place=Place(source=source, line=line, column=column), message=message)

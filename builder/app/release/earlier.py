"""Releases that were made before."""

import re
from pathlib import Path

from pydantic import ValidationError

from builder.core.errors import BuilderError
from builder.release.compare import Described
from builder.release.record import CONTENTS_SUFFIX, RECORD, Contents, Release, Role

_PIECES = re.compile(r"(\d+)|([^\d.]+)")


def read_release(directory: Path) -> Described:
    """The release in `directory`, with what its artifacts contain; `BuilderError` where there is none."""
    try:
        record = Release.model_validate_json((directory / RECORD).read_bytes())
        contents = {
            one.path.removesuffix(CONTENTS_SUFFIX): Contents.model_validate_json((directory / one.path).read_bytes())
            for one in record.files
            if one.role is Role.CONTENTS
        }
    except OSError as error:
        raise BuilderError(
            f"{directory} is no release: {error.filename}: {error.strerror}",
            hint="name the directory of a release, as 'builder release' makes it",
        ) from None
    except ValidationError as error:
        raise BuilderError(
            f"{directory}: a table of the release is damaged: {error.errors()[0]['msg']}",
            hint="'builder verify' tells more",
        ) from None
    return Described(record=record, contents=contents)


def last_release(directory: Path, before: str) -> Path | None:
    """The release below `directory` with the highest version that is lower than `before`, None where there is none."""
    found = [path.parent for path in directory.glob(f"*/{RECORD}") if not path.parent.name.startswith(".")]
    lower = [path for path in found if version_key(path.name) < version_key(before)]
    return max(lower, key=lambda path: version_key(path.name), default=None)


def version_key(version: str) -> tuple[tuple[int, int, str], ...]:
    """What sorts versions as people read them: numbers as numbers, and 1.0-rc.1 before 1.0 (semver.org, 11)."""
    text = version.partition("+")[0]
    pieces = [
        (1, int(number), "") if number else (-1 if word.startswith("-") else 0, 0, word)
        for number, word in _PIECES.findall(text)
    ]
    return (*pieces, (0, 0, ""))

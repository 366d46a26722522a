"""SHA-256 digests and the canonical JSON that keys are made of."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self, TypeAlias

from builder.core.errors import BuilderError

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

_PATTERN = re.compile(r"sha256:[0-9a-f]{64}")


class Digest(str):
    """A SHA-256 digest in its written form, `sha256:` and 64 hexadecimal digits."""

    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        """Take `value` after checking its form; `BuilderError` where it has another."""
        if not _PATTERN.fullmatch(value):
            raise BuilderError(f"{value!r} is not a digest", hint="a digest looks like sha256:<64 hexadecimal digits>")
        return super().__new__(cls, value)

    @classmethod
    def of_bytes(cls, data: bytes) -> Self:
        """The digest of `data`."""
        return cls.from_hex(hashlib.sha256(data).hexdigest())

    @classmethod
    def of_file(cls, path: Path) -> Self:
        """The digest of the content of the file at `path`."""
        with path.open("rb") as stream:
            return cls.from_hex(hashlib.file_digest(stream, "sha256").hexdigest())

    @classmethod
    def of_json(cls, value: Json) -> Self:
        """The digest of the canonical JSON form of `value`."""
        return cls.of_bytes(canonical_json(value))

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """A digest from its bare hexadecimal digits."""
        return cls(f"sha256:{text}")

    @property
    def hex(self) -> str:
        """The 64 hexadecimal digits without the algorithm's name."""
        return self[len("sha256:") :]

    @property
    def short(self) -> str:
        """The first twelve hexadecimal digits, for people."""
        return self.hex[:12]


def canonical_json(value: Json) -> bytes:
    """The one byte sequence that stands for `value`: sorted keys, no spaces, UTF-8, no NaN."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()

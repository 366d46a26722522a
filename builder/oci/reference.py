"""References to images, and what a short one stands for (distribution/reference: normalize.go, regexp.go)."""

import re
from dataclasses import dataclass
from typing import Self

from builder.core.digest import Digest
from builder.core.errors import BuilderError

_DEFAULT_HOST, _DEFAULT_TAG = "docker.io", "latest"
_OFFICIAL = "library/"
_LONGEST_NAME = 255
_HOST = re.compile(
    r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
)
_PATH = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[\w][\w.-]{0,127}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A whole reference: `host` (with its port), `path`, and `tag`, `digest` or both."""

    host: str
    path: str
    tag: str = ""
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The reference that `text` means, as a container runtime completes it; `BuilderError` where it is none."""
        rest, at, digest = text.partition("@")
        name, tag = _split_tag(rest)
        first, slash, path = name.partition("/")
        has_host = bool(slash) and (
            first == "localhost" or any(sign in first for sign in ".:") or first != first.lower()
        )
        host, path = (first, path) if has_host else (_DEFAULT_HOST, name)
        if host == "index.docker.io":
            host = _DEFAULT_HOST
        if host == _DEFAULT_HOST and "/" not in path:
            path = f"{_OFFICIAL}{path}"
        problem = _problem(host, path, tag)
        if problem or (at and not digest):
            raise BuilderError(
                f"{text!r} is no reference to an image: {problem or 'it ends in @'}",
                hint="a reference looks like registry.example.com/team/app:1.2, in lower-case letters",
            )
        parsed = Digest(digest) if digest else None
        return cls(host=host, path=path, tag=tag or ("" if parsed else _DEFAULT_TAG), digest=parsed)

    @property
    def repository(self) -> str:
        """Host and path."""
        return f"{self.host}/{self.path}"

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.repository}{tag}{f'@{self.digest}' if self.digest else ''}"


def _split_tag(text: str) -> tuple[str, str]:
    """Name and tag; a colon before the last slash belongs to a port."""
    head, colon, tail = text.rpartition(":")
    return (head, tail) if colon and "/" not in tail else (text, "")


def _problem(host: str, path: str, tag: str) -> str:
    if not _HOST.fullmatch(host):
        return f"{host!r} is no host"
    if not _PATH.fullmatch(path):
        return f"{path!r} is no name"
    if tag and not _TAG.fullmatch(tag):
        return f"{tag!r} is no tag"
    if len(host) + 1 + len(path) > _LONGEST_NAME:
        return f"its name has more than {_LONGEST_NAME} characters"
    return ""

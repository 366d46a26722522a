"""The reviewed deviations of root file systems made here from those that mmdebstrap makes: allowed.yaml."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from builder.rootfs.compare import Archive, Deviation, Difference, text_diff

_PASSWD_FIELDS = 7
_MERGED = re.compile(r"^/(?=(?:bin|lib|sbin)/)")
LIST = Path(__file__).with_name("allowed.yaml")


class Suite(StrEnum):
    BOOKWORM = "bookworm"
    TRIXIE = "trixie"


class Packages(StrEnum):
    """The sets of packages that are compared."""

    BASE = "base"
    EXTRA = "extra"


class Same(StrEnum):
    """What must be equal although the contents are not."""

    NOTHING = "nothing"
    LINES = "lines"  # in another order
    TRIPLES = "triples"  # of lines, in another order
    PARAGRAPHS = "paragraphs"  # in another order
    ACCOUNTS = "accounts"  # in another order, with other numbers
    MERGED = "merged"  # where links lead, /lib being /usr/lib


class Allowed(BaseModel):
    """One entry. In `path`, `*` stands for anything within a name, `**` for anything."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    deviation: Deviation
    reason: Annotated[str, Field(min_length=10)]
    suites: tuple[Suite, ...] = tuple(Suite)
    sets: tuple[Packages, ...] = tuple(Packages)
    same: Same = Same.NOTHING

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        parts = re.split(r"(\*\*|\*)", self.path)
        return re.compile("".join({"**": ".*", "*": "[^/]*"}.get(part, re.escape(part)) for part in parts))

    def covers(self, difference: Difference, reference: Archive, other: Archive) -> bool:
        if difference.deviation is not self.deviation or not self._pattern.fullmatch(difference.path):
            return False
        return _pieces(reference, difference.path, self.same) == _pieces(other, difference.path, self.same)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What is left: deviations that no entry covers, entries that cover none."""

    unexpected: Sequence[Difference]
    unused: Sequence[Allowed]


def read_allowed(suite: Suite, packages: Packages, path: Path = LIST) -> list[Allowed]:
    """The entries that apply to `suite` with `packages`."""
    entries = TypeAdapter(list[Allowed]).validate_python(yaml.safe_load(path.read_text()))
    return [entry for entry in entries if suite in entry.suites and packages in entry.sets]


def judge(
    differences: Iterable[Difference], entries: Sequence[Allowed], reference: Archive, other: Archive
) -> Judgement:
    """Judge all `differences` of `other` from `reference`."""
    unexpected: list[Difference] = []
    used: set[Allowed] = set()
    for difference in differences:
        covering = [entry for entry in entries if entry.covers(difference, reference, other)]
        used.update(covering)
        if not covering:
            unexpected.append(difference)
    return Judgement(unexpected=unexpected, unused=[entry for entry in entries if entry not in used])


def told(judgement: Judgement, reference: Archive, other: Archive) -> list[str]:
    """`judgement` in lines, with what differs in texts."""
    lines = [f"covers nothing any more: {entry.deviation} {entry.path}" for entry in judgement.unused]
    for difference in judgement.unexpected:
        lines.append(str(difference))
        if difference.deviation is Deviation.CONTENT:
            lines += [f"    {line}" for line in text_diff(difference.path, reference, other)]
    return lines


def _pieces(archive: Archive, path: str, same: Same) -> Counter[bytes]:
    """What `same` wants to be equal, without what may differ."""
    if same is Same.NOTHING:
        return Counter()
    if same is Same.MERGED:
        return Counter([_MERGED.sub("/usr/", archive.members[path].link).encode()])
    text = archive.content(path).strip(b"\n")
    lines = text.split(b"\n")
    if same is Same.TRIPLES:
        lines = [b"\n".join(lines[start : start + 3]) for start in range(0, len(lines), 3)]
    elif same is Same.PARAGRAPHS:
        lines = text.split(b"\n\n")
    elif same is Same.ACCOUNTS:
        lines = [_without_numbers(line, archive) for line in lines]
    return Counter(lines)


def _without_numbers(line: bytes, archive: Archive) -> bytes:
    """A line of passwd(5) or group(5) with the name of the primary group for its number."""
    fields = line.split(b":")
    if len(fields) == _PASSWD_FIELDS:
        fields[3] = archive.groups.get(int(fields[3]), fields[3].decode()).encode()
    return b":".join(fields[:2] + fields[3:])

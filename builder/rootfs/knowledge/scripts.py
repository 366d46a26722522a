"""Maintainer scripts as knowledge is kept of them: what debhelper put in, and the text that a packager wrote.

debhelper marks what it generates. Those sections follow few templates and are matched one by one; what is left is normalised
and known by its digest. Normalising takes out what differs between architectures and says nothing: the multiarch triplet,
blank lines and spaces at line ends.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from builder.core.arch import ARCH_FACTS
from builder.core.digest import Digest

SCRIPTS = ("preinst", "config", "postinst")
"""The scripts that run when a package is installed for the first time, in this order."""

TRIPLETS: Mapping[str, str] = {facts.debian: facts.triplet for facts in ARCH_FACTS.values()}
"""The multiarch triplet by dpkg's name of an architecture (dpkg-architecture(1))."""
_SECTION = re.compile(
    r"^# Automatically added by (?P<tool>[a-z0-9_]+)(?:/\S+)?[ \t]*\n(?P<body>.*?)^# End automatically added section[ \t]*\n",
    re.DOTALL | re.MULTILINE,
)
# What a script may hold and still do nothing.
_IDLE = re.compile(r"set -e|exit 0|:|true|#.*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What `tool` of debhelper generated: its commands without comments and indentation, continued lines joined."""

    tool: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A maintainer script taken apart. `rest` is empty where all that it does was generated."""

    sections: tuple[Section, ...]
    rest: str

    @property
    def digest(self) -> Digest:
        """What knowledge names the rest by."""
        return Digest.of_bytes(self.rest.encode(errors="surrogateescape"))


def parse_script(text: str, *, architecture: str, version: str) -> Script:
    """Take `text` apart; `architecture` and `version` are the package's, `all` where it is for every architecture."""
    plain = _plain_lines(_without_version(_without_architecture(text, architecture), version))
    sections = tuple(Section(tool=match["tool"], body=_commands(match["body"])) for match in _SECTION.finditer(plain))
    rest = _SECTION.sub("", plain)
    idle = all(_IDLE.fullmatch(line.strip()) for line in rest.splitlines())
    return Script(sections=sections, rest="" if idle else rest)


def _without_architecture(text: str, architecture: str) -> str:
    if architecture not in TRIPLETS:
        return text
    return re.sub(rf"(?<=\w):{architecture}\b", ":@ARCH@", text.replace(TRIPLETS[architecture], "@TRIPLET@"))


def _without_version(text: str, version: str) -> str:
    """Versions without a Debian revision stay: they are so short that they stand for other things too."""
    plain = version.rpartition(":")[2]
    if "-" not in plain:
        return text
    epoch = re.escape(version.removesuffix(plain))
    # `1.2-3~` is what a script compares with, and stays when the package goes on to 1.2-4.
    return re.sub(rf"(?<![\w.+~:-])(?:{epoch})?{re.escape(plain)}(?![\w.+~-])", "@VERSION@", text)


def _plain_lines(text: str) -> str:
    lines = (line.rstrip() for line in text.split("\n"))
    return "".join(f"{line}\n" for line in lines if line)


def _commands(body: str) -> str:
    joined = re.sub(r"\\\n\s*", "", body)
    # Written in two ways by different versions of debhelper.
    joined = joined.replace("${DPKG_ROOT:-}", "$DPKG_ROOT").replace("] ; then", "]; then")
    lines = (line.strip() for line in joined.split("\n"))
    return "\n".join(line for line in lines if line and not line.startswith("#"))

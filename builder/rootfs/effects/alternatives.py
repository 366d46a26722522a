"""Alternatives (update-alternatives(1)): links by priority, and dpkg's records of them."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from builder.core.errors import BuilderError
from builder.rootfs.effects.base import Effect, Image, Phase

_DATABASE = "alternatives"
_RECORDS = "var/lib/dpkg/alternatives"


@dataclass(slots=True, kw_only=True)
class _Choice:
    path: str
    priority: int
    slaves: dict[str, str]


@dataclass(slots=True, kw_only=True)
class _Group:
    """All choices of one name. `links` are the places of the slaves by name, in the order in which they came."""

    link: str
    choices: list[_Choice] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)

    @property
    def best(self) -> _Choice:
        """The choice of the highest priority; of equals the first."""
        return max(self.choices, key=lambda choice: choice.priority)


class Alternative(Effect):
    """What `update-alternatives --install` is told: link, name, path, priority, and `--slave` link, name, path."""

    arguments: str

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        image.note(_DATABASE, *shlex.split(self.arguments))


class WriteAlternatives(Effect):
    """Writes links and records of all alternatives that packages have installed."""

    phase: ClassVar[Phase] = Phase.DATABASES

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        groups: dict[str, _Group] = {}
        for row in image.notes.get(_DATABASE, []):
            _add(image, groups, row)
        for name, group in sorted(groups.items()):
            _write(image, name, group)


def _add(image: Image, groups: dict[str, _Group], row: Sequence[str]) -> None:
    if len(row) < 4 or len(row) % 4:  # noqa: PLR2004 - four words for the choice and for each slave
        raise BuilderError(f"an alternative is given as {' '.join(row)!r}, which is not LINK NAME PATH PRIORITY")
    link, name, path, priority = row[:4]
    if not image.tree.exists(path):
        return  # as update-alternatives does for what was left out of a package
    group = groups.setdefault(name, _Group(link=link))
    slaves = {}
    for place in range(4, len(row), 4):
        _, slave_link, slave, slave_path = row[place : place + 4]
        group.links[slave] = slave_link
        slaves[slave] = slave_path
    group.choices.append(_Choice(path=path, priority=int(priority), slaves=slaves))


def _write(image: Image, name: str, group: _Group) -> None:
    tree, best = image.tree, group.best
    tree.link(f"etc/alternatives/{name}", best.path)
    tree.link(group.link, f"/etc/alternatives/{name}")
    for slave, link in sorted(group.links.items()):
        path = best.slaves.get(slave, "")
        if path and tree.exists(path):
            tree.link(f"etc/alternatives/{slave}", path)
            tree.link(link, f"/etc/alternatives/{slave}")
    slaves = sorted(group.links)
    lines = ["auto", group.link]
    for slave in slaves:
        lines += [slave, group.links[slave]]
    lines.append("")
    for choice in sorted(group.choices, key=lambda one: one.path):
        lines += [choice.path, str(choice.priority), *(choice.slaves.get(slave, "") for slave in slaves)]
    tree.write(f"{_RECORDS}/{name}", "\n".join([*lines, "", ""]))

"""Users and groups: Debian's master files, what scripts add to them, and sysusers.d(5)."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from builder.core.errors import BuilderError
from builder.rootfs.effects.base import Effect, Image, Phase

_SECONDS_PER_DAY = 86400
_SHADOW_GROUP = 42  # base-passwd
# What stands for the password of accounts that have none, by who made them: base-passwd, adduser, systemd-sysusers.
_BY_DEBIAN, _BY_ADDUSER, _BY_SYSUSERS = "*", "!", "!*"
_NOLOGIN = "/usr/sbin/nologin"
_FIRST_PERSON = 1000


@dataclass(slots=True, kw_only=True)
class _User:
    name: str
    uid: int
    gid: int
    comment: str
    home: str
    shell: str
    lock: str
    expires: bool = False


@dataclass(slots=True, kw_only=True)
class _Group:
    name: str
    gid: int
    members: list[str]
    lock: str


@dataclass(slots=True, kw_only=True)
class Accounts:
    """The accounts of an image. `fixed_users` and `fixed_groups` are the numbers of those that packages make, by name.

    They are the same in every image, so that files keep their owners when an image is replaced by a newer one.
    """

    fixed_users: Mapping[str, int]
    fixed_groups: Mapping[str, int]
    users: dict[str, _User] = field(default_factory=dict)
    groups: dict[str, _Group] = field(default_factory=dict)

    def ids(self, owner: str, group: str) -> tuple[int, int]:
        """The numbers of a user and a group; `BuilderError` for one that does not exist."""
        missing = [f"user {owner}"] if owner not in self.users else []
        missing += [f"group {group}"] if group not in self.groups else []
        if missing:
            raise BuilderError(f"the root file system has no {' and no '.join(missing)}")
        return self.users[owner].uid, self.groups[group].gid

    def load(self, passwd: str, group: str) -> None:
        """Take over the lines of passwd(5) and group(5) files."""
        for line in passwd.splitlines():
            name, _, uid, gid, comment, home, shell = line.split(":")
            self.users[name] = _User(
                name=name, uid=int(uid), gid=int(gid), comment=comment, home=home, shell=shell, lock=_BY_DEBIAN
            )
        for line in group.splitlines():
            name, _, gid, members = line.split(":")
            self.groups[name] = _Group(
                name=name, gid=int(gid), members=[one for one in members.split(",") if one], lock=_BY_DEBIAN
            )

    def add_group(self, name: str, gid: int | None = None, *, lock: str = _BY_ADDUSER) -> int:
        """The number of the group `name`, which is made where it is missing."""
        if name not in self.groups:
            number = _number("group", name, gid, self.fixed_groups)
            self._refuse_taken("group", name, number, {one.gid: one.name for one in self.groups.values()})
            self.groups[name] = _Group(name=name, gid=number, members=[], lock=lock)
        return self.groups[name].gid

    def add_user(self, name: str, gid: int, *, uid: int | None = None, lock: str = _BY_ADDUSER, **text: str) -> int:
        """The number of the user `name`, which is made where it is missing; `text`: `comment`, `home` and `shell`."""
        if name not in self.users:
            number = _number("user", name, uid, self.fixed_users)
            self._refuse_taken("user", name, number, {one.uid: one.name for one in self.users.values()})
            self.users[name] = _User(
                name=name,
                uid=number,
                gid=gid,
                comment=text.get("comment", ""),
                home=text.get("home", "/nonexistent"),
                shell=text.get("shell", _NOLOGIN),
                lock=lock,
            )
        return self.users[name].uid

    def add_member(self, user: str, group: str) -> None:
        """Put a user into a group, which is made where it is missing."""
        self.add_group(group)
        if user not in self.groups[group].members:
            self.groups[group].members.append(user)

    def write(self, image: Image) -> None:
        """Write passwd, group, shadow and gshadow, and the copies that the tools for accounts keep."""
        day = image.epoch_s // _SECONDS_PER_DAY
        users, groups = self.users.values(), self.groups.values()
        passwd = [f"{one.name}:x:{one.uid}:{one.gid}:{one.comment}:{one.home}:{one.shell}" for one in users]
        group = [f"{one.name}:x:{one.gid}:{','.join(one.members)}" for one in groups]
        shadow = [f"{one.name}:{one.lock}:{day}:{_ageing(one)}::{'1' if one.expires else ''}:" for one in users]
        gshadow = [f"{one.name}:{one.lock}::{','.join(one.members)}" for one in groups]
        for name, lines, mode, gid in (
            ("passwd", passwd, 0o644, 0),
            ("group", group, 0o644, 0),
            ("shadow", shadow, 0o640, _SHADOW_GROUP),
            ("gshadow", gshadow, 0o640, _SHADOW_GROUP),
        ):
            for path in (f"etc/{name}", f"etc/{name}-"):
                image.tree.write(path, "".join(f"{line}\n" for line in lines), mode=mode, gid=gid)

    def _refuse_taken(self, what: str, name: str, number: int, taken: Mapping[int, str]) -> None:
        if number in taken:
            raise BuilderError(f"the {what} {name} is to have the number {number}, which {taken[number]} has already")


def _ageing(user: _User) -> str:
    """The fields of shadow(5) for a password's age; passwords that never were have no age."""
    return "0:99999:7" if user.lock == _BY_DEBIAN or user.uid >= _FIRST_PERSON else "::"


def _number(what: str, name: str, given: int | None, fixed: Mapping[str, int]) -> int:
    if given is not None:
        return given
    if name not in fixed:
        raise BuilderError(
            f"no number is known for the {what} {name}, which a package makes",
            hint=f"give it one under {what}s in recipes/debian/ids.yaml: images must not differ in it",
        )
    return fixed[name]


class BasePasswd(Effect):
    """The accounts that every Debian has (update-passwd(8))."""

    phase: ClassVar[Phase] = Phase.UNPACK

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        directory = "usr/share/base-passwd"
        image.accounts.load(image.tree.text(f"{directory}/passwd.master"), image.tree.text(f"{directory}/group.master"))


class Group(Effect):
    """A system group (addgroup --system)."""

    phase: ClassVar[Phase] = Phase.ACCOUNTS

    name: str

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        image.accounts.add_group(self.name)


class User(Effect):
    """A system user (adduser --system) with a group: its own where none is given."""

    phase: ClassVar[Phase] = Phase.ACCOUNTS

    name: str
    group: str = ""
    comment: str = ""
    home: str = "/nonexistent"
    shell: str = _NOLOGIN
    groups: tuple[str, ...] = ()

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        accounts = image.accounts
        gid = accounts.add_group(self.group or self.name)
        # Debian 12's adduser adds the fields that finger(1) shows, empty.
        comment = f"{self.comment},,," if self.comment and image.codename == "bookworm" else self.comment
        accounts.add_user(self.name, gid, comment=comment, home=self.home, shell=self.shell)
        for group in self.groups:
            accounts.add_member(self.name, group)


class Sysusers(Effect):
    """What `systemd-sysusers FILES` makes; `files` are names in usr/lib/sysusers.d, separated by spaces."""

    phase: ClassVar[Phase] = Phase.ACCOUNTS

    files: str

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        for name in self.files.split():
            for line in image.tree.text(f"usr/lib/sysusers.d/{name}").splitlines():
                if words := shlex.split(line, comments=True):
                    _sysuser(image, words)


def _sysuser(image: Image, words: list[str]) -> None:
    """One line of sysusers.d(5): type, name, id, comment, home, shell; `-` and what is missing mean the default."""
    accounts = image.accounts
    kind, name, number, comment, home, shell = [*words, *["-"] * 6][:6]
    match kind.rstrip("!"):
        case "g":
            accounts.add_group(name, int(number) if number.isdigit() else None, lock=_BY_SYSUSERS)
        case "u" if name not in accounts.users:
            uid, _, group = number.partition(":")
            if group:
                gid = int(group) if group.isdigit() else accounts.add_group(group)
            else:
                gid = accounts.add_group(name, int(uid) if uid.isdigit() else None, lock=_BY_SYSUSERS)
            accounts.add_user(
                name,
                gid,
                uid=int(uid) if uid.isdigit() else None,
                lock=_BY_SYSUSERS,
                comment="" if comment == "-" else comment,
                home="/" if home == "-" else home,
                shell=_NOLOGIN if shell == "-" else shell,
            )
            # `!`: fully locked, as of the first day that there is.
            accounts.users[name].expires = kind.endswith("!")
        case "m":
            accounts.add_member(name, number)

"""The users and groups of a root file system, and the files that hold them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from builder.core.errors import BuilderError
from builder.rootfs.tree import Tree

_SECONDS_PER_DAY = 86400
_SHADOW_GROUP = 42  # base-passwd
# What stands for the password of accounts that have none, by who made them: base-passwd, adduser, systemd-sysusers.
_BY_DEBIAN, _BY_ADDUSER, BY_SYSUSERS = "*", "!", "!*"
NOLOGIN = "/usr/sbin/nologin"
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
                shell=text.get("shell", NOLOGIN),
                lock=lock,
            )
        return self.users[name].uid

    def add_member(self, user: str, group: str) -> None:
        """Put a user into a group, which is made where it is missing."""
        self.add_group(group)
        if user not in self.groups[group].members:
            self.groups[group].members.append(user)

    def write(self, tree: Tree, *, epoch_s: int) -> None:
        """Write passwd, group, shadow and gshadow, and the copies that the tools for accounts keep."""
        day = epoch_s // _SECONDS_PER_DAY
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
                tree.write(path, "".join(f"{line}\n" for line in lines), mode=mode, gid=gid)

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

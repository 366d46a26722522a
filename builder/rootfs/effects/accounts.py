"""Effects on users and groups: Debian's master files, what scripts add to them, and sysusers.d(5)."""

import shlex
from typing import ClassVar

from builder.rootfs.accounts import BY_SYSUSERS, NOLOGIN
from builder.rootfs.effects.base import Effect, Image, Phase


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
    shell: str = NOLOGIN
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
            accounts.add_group(name, int(number) if number.isdigit() else None, lock=BY_SYSUSERS)
        case "u" if name not in accounts.users:
            uid, _, group = number.partition(":")
            if group:
                gid = int(group) if group.isdigit() else accounts.add_group(group)
            else:
                gid = accounts.add_group(name, int(uid) if uid.isdigit() else None, lock=BY_SYSUSERS)
            accounts.add_user(
                name,
                gid,
                uid=int(uid) if uid.isdigit() else None,
                lock=BY_SYSUSERS,
                comment="" if comment == "-" else comment,
                home="/" if home == "-" else home,
                shell=NOLOGIN if shell == "-" else shell,
            )
            # `!`: fully locked, as of the first day that there is.
            accounts.users[name].expires = kind.endswith("!")
        case "m":
            accounts.add_member(name, number)

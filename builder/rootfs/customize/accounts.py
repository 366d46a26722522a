"""The recipe's accounts: without passwords, with homes out of /etc/skel, with SSH keys."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from builder.core.errors import BuilderError
from builder.core.nearest import did_you_mean
from builder.rootfs.customize.changes import by_customizing
from builder.rootfs.customize.model import Account
from builder.rootfs.effects.base import Image
from builder.rootfs.tree import Kind, Node, Tree

_SKELETON = "etc/skel"
_HOME_MODE = 0o700
# No password fits it, but the account is not locked: SSH keys are taken with and without PAM (adduser --disabled-password).
_NO_PASSWORD = "*"  # noqa: S105 - it says that there is none
_FIRST = 1000
_SECONDS_PER_DAY = 86_400
# login.defs(5), as Debian has them: SUB_UID_MIN and SUB_UID_COUNT.
_SUBORDINATE_FIRST, _SUBORDINATE_COUNT = 100_000, 65_536


def add_accounts(image: Image, accounts: Sequence[Account]) -> list[str]:
    """Add the accounts to the image, without homes. What is wrong with them is given back, and then nothing is written."""
    problems = [problem for account in accounts for problem in _mistakes(image, account)]
    numbers = _numbers(image, accounts, problems)
    if problems or not accounts:
        return problems
    for account in accounts:
        number = numbers[account.name]
        image.accounts.add_group(account.name, number)
        image.accounts.add_user(
            account.name,
            number,
            uid=number,
            lock=_NO_PASSWORD,
            comment=account.comment,
            home=home_of(account),
            shell=account.shell,
        )
        for group in account.groups:
            image.accounts.add_member(account.name, group)
    _append(image, accounts)
    for name in ("etc/subuid", "etc/subgid"):
        if image.tree.exists(name):
            _add_subordinates(image.tree, name, accounts)
    return []


def add_homes(image: Image, accounts: Sequence[Account]) -> list[str]:
    """Make the accounts' homes; what overlays and files have laid into them stays."""
    problems: list[str] = []
    for account in accounts:
        try:
            _add_home(image, account)
        except BuilderError as error:
            problems.append(f"rootfs.users.{account.name}: {error.brief}")
    return problems


def home_of(account: Account) -> str:
    """The path of an account's home directory."""
    return account.home or f"/home/{account.name}"


def _mistakes(image: Image, account: Account) -> Iterator[str]:
    where = f"rootfs.users.{account.name}"
    known = image.accounts
    for what, names in (("user", known.users), ("group", known.groups)):
        if account.name in names:
            yield f"{where}: a package makes a {what} of this name already"
    for group in account.groups:
        if group not in known.groups:
            yield f"{where}: there is no group {group}{did_you_mean(group, known.groups)}"
    if not image.tree.exists(account.shell):
        shells = image.tree.text("etc/shells").split() if image.tree.exists("etc/shells") else []
        yield f"{where}: there is no shell {account.shell}{did_you_mean(account.shell, shells)}"


def _numbers(image: Image, accounts: Sequence[Account], problems: list[str]) -> Mapping[str, int]:
    """The number of each account: the one that it asks for, or the next free one; user and group have the same."""
    taken = {one.uid: one.name for one in image.accounts.users.values()}
    taken |= {one.gid: one.name for one in image.accounts.groups.values()}
    numbers: dict[str, int] = {}
    for account in accounts:
        if account.uid is not None:
            if account.uid in taken:
                problems.append(
                    f"rootfs.users.{account.name}: {taken[account.uid]} has the number {account.uid} already"
                )
            taken.setdefault(account.uid, account.name)
            numbers[account.name] = account.uid
    number = _FIRST
    for account in accounts:
        if account.uid is None:
            while number in taken:
                number += 1
            taken[number] = account.name
            numbers[account.name] = number
    return numbers


def _append(image: Image, accounts: Sequence[Account]) -> None:
    """Add lines to passwd, group, shadow and gshadow; those that are there stay as their packages have them."""
    tree, known = image.tree, image.accounts
    day = image.epoch_s // _SECONDS_PER_DAY
    lines: dict[str, list[str]] = {"etc/passwd": [], "etc/group": [], "etc/shadow": [], "etc/gshadow": []}
    for account in accounts:
        user = known.users[account.name]
        lines["etc/passwd"].append(f"{user.name}:x:{user.uid}:{user.gid}:{user.comment}:{user.home}:{user.shell}")
        lines["etc/group"].append(f"{user.name}:x:{user.gid}:")
        lines["etc/shadow"].append(f"{user.name}:{_NO_PASSWORD}:{day}:0:99999:7:::")
        lines["etc/gshadow"].append(f"{user.name}:!::")
    joined = {group for account in accounts for group in account.groups}
    for path, new in lines.items():
        old = tree.text(path).splitlines()
        if path in ("etc/group", "etc/gshadow"):
            old = [_with_members(image, line) if line.partition(":")[0] in joined else line for line in old]
        node = tree.nodes[tree.resolve(path, follow=True)]
        text = "".join(f"{line}\n" for line in [*old, *new])
        tree.write(path, text, mode=node.mode, uid=node.uid, gid=node.gid)


def _with_members(image: Image, line: str) -> str:
    """A line of group(5) or gshadow(5) with the members that the group has now."""
    before, _, _ = line.rpartition(":")
    return f"{before}:{','.join(image.accounts.groups[line.partition(':')[0]].members)}"


def _add_subordinates(tree: Tree, name: str, accounts: Sequence[Account]) -> None:
    """A range of subordinate numbers for each account, behind all that are given already (subuid(5))."""
    text = tree.text(name)
    ends = [int(start) + int(count) for _, start, count in (line.split(":") for line in text.split())]
    first = max([_SUBORDINATE_FIRST, *ends])
    for account in accounts:
        text += f"{account.name}:{first}:{_SUBORDINATE_COUNT}\n"
        first += _SUBORDINATE_COUNT
    tree.write(name, text)


def _add_home(image: Image, account: Account) -> None:
    tree = image.tree
    user = image.accounts.users[account.name]
    home = tree.resolve(home_of(account), follow=True)
    there = tree.nodes.get(home)
    if there is not None and there.kind is not Kind.DIRECTORY:
        raise BuilderError(f"its home {home_of(account)} is a {there.kind}")
    if there is not None and not by_customizing(there):
        raise BuilderError(f"its home {home_of(account)} is there already: {there.owner or 'the system'} has it")
    tree.add(home, Node(kind=Kind.DIRECTORY, mode=_HOME_MODE, uid=user.uid, gid=user.gid))
    if tree.is_directory(_SKELETON):
        for path in list(tree.below(_SKELETON)):
            target = home + path.removeprefix(tree.resolve(_SKELETON, follow=True))
            if target not in tree.nodes:
                node = _whole(tree, path)
                tree.add(target, replace(node, uid=user.uid, gid=user.gid, owner="", mtime_s=None))
    if account.ssh_keys:
        _add_keys(tree, home, account, (user.uid, user.gid))


def _whole(tree: Tree, path: str) -> Node:
    """The node at `path`, hard links as the files that they name."""
    node = tree.nodes[path]
    return tree.nodes[node.target] if node.kind is Kind.HARDLINK else node


def _add_keys(tree: Tree, home: str, account: Account, ids: tuple[int, int]) -> None:
    uid, gid = ids
    place = f"{home}/.ssh"
    if f"{place}/authorized_keys" in tree.nodes:
        raise BuilderError(f"{tree.nodes[f'{place}/authorized_keys'].owner} has its authorized_keys too")
    tree.add(place, Node(kind=Kind.DIRECTORY, mode=0o700, uid=uid, gid=gid))
    keys = "".join(f"{key}\n" for key in account.ssh_keys)
    tree.write(f"{place}/authorized_keys", keys, mode=0o600, uid=uid, gid=gid)

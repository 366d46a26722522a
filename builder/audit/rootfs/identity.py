"""The clone audit: an image is copied to many devices, so nothing in it may be one device's own, or this machine's."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase, translate

from builder.audit.rootfs.finding import RootFinding
from builder.core.errors import BuilderError
from builder.rootfs.customize.changes import by_customizing
from builder.rootfs.tree import Kind, Text, Tree

# Files that make a device that device, by patterns of their paths. What is empty is nobody's yet.
_OWN: Mapping[str, str] = {
    "etc/machine-id": "a machine ID",
    "var/lib/dbus/machine-id": "a machine ID",
    "var/lib/device/machine-id": "a machine ID",
    "etc/ssh/ssh_host_*": "an SSH host key",
    "var/lib/device/ssh/*": "an SSH host key",
    "etc/dropbear/*_host_key": "an SSH host key",
    "var/lib/systemd/random-seed": "a random seed",
    "var/lib/urandom/random-seed": "a random seed",
    "var/lib/systemd/credential.secret": "the key of the system's credentials",
    "var/lib/NetworkManager/secret_key": "the key of stable addresses",
    "etc/iscsi/initiatorname.iscsi": "the name of an iSCSI initiator",
    "etc/nvme/host*": "the name of an NVMe host",
    "etc/hostid": "a host ID",
}
# Where secrets are put by whoever prepares a device; the rest are programs and their data, and what dpkg knows of them.
_SETTINGS = ("etc/", "home/", "opt/", "root/", "srv/", "usr/local/", "var/")
_RECORDS = ("var/lib/dpkg/",)
_MOST_SETTING_BYTES = 1 << 20
_SECRETS: Mapping[str, re.Pattern[bytes]] = {
    "a private key": re.compile(rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{16}"),
    "the key of a client": re.compile(rb"^\s*client-key-data:\s*\S", re.MULTILINE),
    # JSON Web Tokens: a header and claims, each JSON in base64.
    "a token": re.compile(rb"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    # kubeadm's, which Kubernetes itself knows.
    "a bootstrap token": re.compile(rb"\btoken:\s*[\"']?[a-z0-9]{6}\.[a-z0-9]{16}\b"),
    "the hash of a password": re.compile(rb"\$(?:1|2[abxy]|5|6|7|gy|y)\$[./A-Za-z0-9$,=]{20,}"),
}
_EACH_ITS_OWN = "let every device make its own when it first starts"
_LATER = "give it to devices when they are set up, never in the image"
# Shorter names stand in any binary file.
_LEAST_NAME = 6
_FIRST_PERSON, _NOBODY = 1000, 65534
# Passwords that nobody can have: shadow(5).
_LOCKED = re.compile(r"[!*]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """What tells about the machine that builds: paths as `hostpaths.searchable` returns them, and its name."""

    paths: tuple[str, ...] = ()
    name: str = ""


def audit_identity(tree: Tree, people: frozenset[str], foreign: Foreign) -> Iterator[RootFinding]:
    """What in `tree` belongs to one device or to this machine; `people` are the recipe's accounts."""
    yield from _own_files(tree)
    yield from _accounts(tree, people)
    yield from _told(tree, foreign)
    for path, node in tree.nodes.items():
        looked_at = by_customizing(node) or (path.startswith(_SETTINGS) and not path.startswith(_RECORDS))
        if looked_at and node.content is not None and node.content.size_bytes <= _MOST_SETTING_BYTES:
            yield from _secrets(path, node.content.read())


def _told(tree: Tree, foreign: Foreign) -> Iterator[RootFinding]:
    """What was made here and tells where. What people wrote themselves may name any machine, but no path of this one."""
    paths = [path.encode() for path in foreign.paths]
    names = [foreign.name.encode()] if _is_telling(tree, foreign.name) else []
    for path, node in tree.nodes.items():
        ours = by_customizing(node)
        made_here = ours or not node.owner or isinstance(node.content, Text)
        if not made_here or node.content is None:
            continue
        data = node.content.read()
        for word in paths if ours else paths + names:
            # Looked for as plain bytes first: databases have megabytes.
            if word in data and re.search(rb"(?<![\w.-])" + re.escape(word) + rb"(?![\w.-])", data):
                what = f"names the machine that builds: {word.decode(errors='replace')}"
                yield RootFinding(path=f"/{path}", what=what, remedy="write down what is true on a device")


def _is_telling(tree: Tree, name: str) -> bool:
    """Whether a machine's name is one that stands in no root file system anyway, as that of the distribution does."""
    common = tree.text("etc/os-release") if tree.exists("etc/os-release") else ""
    return len(name) >= _LEAST_NAME and name != "localhost" and name.lower() not in common.lower()


def _own_files(tree: Tree) -> Iterator[RootFinding]:
    any_of_them = re.compile("|".join(map(translate, _OWN)))
    for path in filter(any_of_them.match, tree.nodes):
        what = next(what for pattern, what in _OWN.items() if fnmatchcase(path, pattern))
        if tree.nodes[path].kind is not Kind.DIRECTORY and (data := _content(tree, path)) not in (
            b"",
            b"uninitialized",
        ):
            shown = f"{what}, which every copy would share: {len(data)} bytes"
            yield RootFinding(path=f"/{path}", what=shown, remedy=_EACH_ITS_OWN)


def _content(tree: Tree, path: str) -> bytes:
    """The bytes that `path` leads to; none where it leads nowhere."""
    try:
        return tree.read(path).strip()
    except BuilderError:
        return b""


def _secrets(path: str, data: bytes) -> Iterator[RootFinding]:
    for what, pattern in _SECRETS.items():
        if match := pattern.search(data):
            line = data.count(b"\n", 0, match.start()) + 1
            yield RootFinding(path=f"/{path}", what=f"line {line} holds {what}", remedy=_LATER)


def _accounts(tree: Tree, people: frozenset[str]) -> Iterator[RootFinding]:
    keys = "nobody logs in with a password: give people ssh_keys in rootfs.users"
    for name in ("etc/passwd", "etc/passwd-", "etc/shadow", "etc/shadow-", "etc/gshadow", "etc/gshadow-"):
        for row in _rows(tree, name):
            if len(row) > 1 and row[1] != "x" and not _LOCKED.fullmatch(row[1]):
                what = f"{row[0]} has a password" if row[1] else f"{row[0]} needs no password"
                yield RootFinding(path=f"/{name}", what=what, remedy=keys)
    for row in _rows(tree, "etc/passwd"):
        if len(row) < _PASSWD_FIELDS or not row[2].isdigit():
            continue
        name, uid = row[0], int(row[2])
        if uid == 0 and name != "root":
            what, remedy = f"{name} is another name of root", "give it a number of its own"
            yield RootFinding(path="/etc/passwd", what=what, remedy=remedy)
        elif uid >= _FIRST_PERSON and uid != _NOBODY and name not in people:
            what = f"{name} ({uid}) is no account of Debian's or of the recipe"
            remedy = "name it in rootfs.users, or drop it"
            yield RootFinding(path="/etc/passwd", what=what, remedy=remedy)


_PASSWD_FIELDS = 7


def _rows(tree: Tree, path: str) -> Iterator[list[str]]:
    if tree.exists(path):
        yield from (line.split(":") for line in tree.text(path).splitlines() if line)

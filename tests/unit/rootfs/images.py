"""A small image to customize."""

from pathlib import Path

from builder.core.arch import Arch
from builder.io.spawn import Runner
from builder.rootfs.accounts import Accounts
from builder.rootfs.effects.base import Image
from builder.rootfs.native.bench import Bench
from builder.rootfs.tree import Tree
from builder.toolchain.tree import ToolsTree

PASSWD = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"  # noqa: S105 - no password
GROUP = "root:x:0:\ndaemon:x:1:\nadm:x:4:daemon\nsudo:x:27:\n"
SHADOW = "root:*:20000:0:99999:7:::\ndaemon:*:20000:0:99999:7:::\n"
GSHADOW = "root:*::\ndaemon:*::\nadm:*::daemon\nsudo:*::\n"


def small_image(place: Path, *, suite: str = "trixie") -> Image:
    """Links of merged /usr, accounts, a shell, /etc/skel; everything is of the package `base`."""
    tree = Tree(writer="base")
    for name in ("bin", "sbin", "lib"):
        tree.make_directory(f"usr/{name}")
        tree.link(name, f"usr/{name}")
    for name in ("home", "run", "var/lib"):
        tree.make_directory(name)
    tree.write("usr/bin/bash", "shell", mode=0o755)
    tree.write("etc/os-release", f"VERSION_CODENAME={suite}\n")
    tree.write("etc/shells", "/bin/sh\n/bin/bash\n")
    tree.write("etc/skel/.profile", "umask 077\n")
    tree.write("etc/passwd", PASSWD)
    tree.write("etc/group", GROUP)
    tree.write("etc/shadow", SHADOW, mode=0o640, gid=42)
    tree.write("etc/gshadow", GSHADOW, mode=0o640, gid=42)
    tree.writer = ""
    accounts = Accounts(fixed_users={}, fixed_groups={})
    accounts.load(PASSWD, GROUP)
    tools = ToolsTree(root=place / "tools", arch=Arch.AMD64)
    return Image(
        tree=tree,
        arch=Arch.ARM64,
        packages={},
        accounts=accounts,
        epoch_s=86_400 * 20_000,
        modules={},
        bench=Bench(tools=tools, runner=Runner(log=place / "log"), scratch=place / "scratch"),
    )

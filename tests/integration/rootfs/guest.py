"""Asks the programs of a root file system itself whether all is well with it: in a chroot, natively or under qemu-user."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.core.arch import Arch
from builder.io.enclosure import Mount
from builder.io.leash import Leash
from builder.io.spawn import Runner
from builder.rootfs.tools_root import foreign, make_tools_root

# Each is a command of a shell in the root file system; it says nothing and ends with 0 where all is well.
CHECKS: Mapping[str, str] = {
    "packages are complete": "dpkg --audit",
    "files are those of the packages": "dpkg --verify",
    "nothing is left to configure": "dpkg --configure -a",
    "dependencies are met": "apt-get -qq check",
    "accounts are well-formed": "pwck -qr && grpck -r",
    "accounts need no more": (
        "cp /etc/passwd /etc/group /tmp && systemd-sysusers"
        " && diff /tmp/passwd /etc/passwd && diff /tmp/group /etc/group"
    ),
    "sessions open": (
        "test \"$(su nobody -s /bin/sh -c 'id -un')\" = nobody && test \"$(su - root -c 'echo $HOME')\" = /root"
    ),
    "the loader's cache is what ldconfig makes": (
        "ldconfig -p > /tmp/before && cp /etc/ld.so.cache /tmp && ldconfig && ldconfig -p | diff /tmp/before -"
        " && cmp /tmp/ld.so.cache /etc/ld.so.cache"
    ),
    "the SSH server starts": "if test -x /usr/sbin/sshd; then mkdir -p /run/sshd && ssh-keygen -A >&2 && sshd -t; fi",
    "units load": (
        "systemd-analyze verify --man=no default.target $(systemctl list-unit-files --no-legend --state=enabled"
        " | cut -d ' ' -f 1 | sed 's/@\\./@tty1./')"
    ),
}
# What a check may say nevertheless: the keys that were made, which nothing else makes before the first boot.
_SAID = ("ssh-keygen: generating new host keys: ",)
_ENVIRONMENT = "PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive"
_UNPACK = """
mkdir /tmp/guest
tar --extract --xattrs --xattrs-include='*' --numeric-owner --file=/rootfs.tar --directory=/tmp/guest
cd /tmp/guest
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs tmpfs run
for device in full null random tty urandom zero; do touch dev/$device; mount --bind /dev/$device dev/$device; done
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a check ended and what it said."""

    check: str
    status: int
    said: str

    @property
    def clean(self) -> bool:
        return self.status == 0 and not self.said

    def __str__(self) -> str:
        return f"{self.check}: status {self.status}\n{self.said}"


def inspect(
    rootfs: Path, arch: Arch, *, tools: Path, scratch: Path, checks: Mapping[str, str] = CHECKS
) -> list[Verdict]:
    """The verdicts of `checks` on the archive `rootfs`, which is unpacked in memory."""
    results = scratch / "results"
    results.mkdir(parents=True)
    mounts = [Mount.of(rootfs, "rootfs.tar", read_only=True), Mount.of(results, "results")]
    enclosure = make_tools_root(tools, scratch / "root", mounts, emulated=foreign(arch))
    lines = [f"chroot . env -i {_ENVIRONMENT} sh -c {shlex.quote(command)} > /results/{number} 2>&1; echo $? >> /results/{number}"
             for number, command in enumerate(checks.values())]  # fmt: skip
    script = "\n".join(["set -eu", _UNPACK, "set +e", *lines, "exit 0"])
    with Leash() as leash:
        enclosure.run(Runner(log=scratch / "log", leash=leash), ["/bin/sh", "-c", script], {})
    return [_verdict(check, results / str(number)) for number, check in enumerate(checks)]


def _verdict(check: str, result: Path) -> Verdict:
    *said, status = result.read_text(errors="replace").splitlines()
    return Verdict(check=check, status=int(status), said="\n".join(line for line in said if not line.startswith(_SAID)))

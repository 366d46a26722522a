"""A system bus with polkit and udisks2 on it, out of Debian's packages: apart from the machine's own, if it has any."""

import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection

from tests.integration.flash.loops import ROOT

# polkit's rule is for the first alone.
ALLOWED, OTHER = 65534, 65533
_LINKS = {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64", "sbin": "usr/sbin"}
_PLACES = (
    "dev proc sys tmp usr root run/udev/data run/udisks2 run/bus var/lib/udisks2 var/lib/polkit-1 etc/polkit-1/rules.d"
    " polkit/actions polkit/rules.d"
)
_ACTION = "org.freedesktop.udisks2.open-device"
_FILES = {
    "etc/passwd": f"root:x:0:0::/:/bin/sh\npolkitd:x:990:990::/:/bin/sh\nallowed:x:{ALLOWED}:{ALLOWED}::/:/bin/sh\n"
    f"other:x:{OTHER}:{OTHER}::/:/bin/sh\n",
    "etc/group": "root:x:0:\npolkitd:x:990:\n",
    "etc/bus.conf": """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=/run/bus/socket</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/>
<allow send_type="*"/><allow receive_type="*"/></policy></busconfig>
""",
    # Trees of tools leave out polkit's descriptions of actions; these are udisks2's own, in short.
    "polkit/actions/udisks2.policy": """<?xml version="1.0"?>
<!DOCTYPE policyconfig PUBLIC "-//freedesktop//DTD PolicyKit Policy Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/PolicyKit/1/policyconfig.dtd"><policyconfig>"""
    + "".join(
        f"""<action id="{name}"><description>Open</description><message>Open</message><defaults>
<allow_any>auth_admin</allow_any><allow_inactive>auth_admin</allow_inactive><allow_active>auth_admin_keep</allow_active>
</defaults></action>"""
        for name in (_ACTION, f"{_ACTION}-system")
    )
    + "</policyconfig>",
    "etc/polkit-1/rules.d/10.rules": f"""polkit.addRule(function(action, subject) {{
  if (action.id.indexOf("{_ACTION}") == 0 && subject.user == "allowed") return polkit.Result.YES;
}});
""",
}
# Arguments: the packages' usr, the root, programs. All of it ends with the namespace's first process.
_ENTER = """set -e
mount --rbind "$1" "$2/usr"; mount --rbind /dev "$2/dev"; mount --rbind /sys "$2/sys"; mount -t proc proc "$2/proc"
mount --bind "$2/polkit" "$2/usr/share/polkit-1"
root=$2; shift 2
for program; do
  chroot "$root" $program &
  until [ -S "$root/run/bus/socket" ]; do sleep 0.1; done
done
wait
"""
_BUS = "/usr/bin/dbus-daemon --config-file=/etc/bus.conf --nofork --nopidfile"
_PROGRAMS = {
    "org.freedesktop.PolicyKit1": "/usr/lib/polkit-1/polkitd",
    "org.freedesktop.UDisks2": "/usr/libexec/udisks2/udisksd",
}
_START_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The bus at `address`."""

    address: str


@contextmanager
def services(tree: Path, root: Path, device: Path, *, with_udisks: bool = True) -> Iterator[Services]:
    """The services out of `tree`, in the directory `root`, which know of the block device `device`."""
    for place in _PLACES.split():
        (root / place).mkdir(parents=True)
    for link, target in _LINKS.items():
        (root / link).symlink_to(target)
    for name in ("udisks2", "libblockdev"):
        shutil.copytree(tree / "etc" / name, root / "etc" / name)
    for name, text in _FILES.items():
        (root / name).write_text(text)
    # udisks2 shows what udev has seen.
    number = Path("/sys/class/block", device.name, "dev").read_text().strip()
    (root / "run/udev/data" / f"b{number}").write_text(f"I:1\nE:DEVNAME={device}\n")
    names = list(_PROGRAMS) if with_udisks else []
    argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _ENTER, "sh"]
    argv += [str(tree / "usr"), str(root), _BUS, *(_PROGRAMS[name] for name in names)]
    address = f"unix:path={root}/run/bus/socket"
    environment = {"PATH": os.environ["PATH"], "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/run/bus/socket"}
    with (root / "log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment)
    try:
        _wait(address, names, process, root / "log")
        yield Services(address=address)
    finally:
        process.kill()
        process.wait()


def _wait(address: str, names: Sequence[str], process: subprocess.Popen[bytes], log: Path) -> None:
    """Until all `names` are on the bus."""
    end_s = time.monotonic() + _START_S
    while not _are_there(address, names):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end_s, log.read_text()
        time.sleep(0.1)


def _are_there(address: str, names: Sequence[str]) -> bool:
    try:
        with open_dbus_connection(bus=address) as connection:
            owned = [connection.send_and_get_reply(message_bus.NameHasOwner(name), timeout=5).body for name in names]
    except OSError:
        return False
    return all(found == (True,) for found in owned)


def as_user(number: int, place: Path, command: Sequence[str], address: str) -> list[str]:
    """What runs Python's `command` as the user `number`, with the bus at `address`; `place` has Python and checkout then."""
    script = (
        'mount --bind "$1" "$4/python" && mount --bind "$2" "$4/packages" && mount --bind "$3" "$4/checkout"'
        ' && cd "$4/checkout" && shift 4 && exec "$@"'
    )
    for name in ("python", "packages", "checkout"):
        (place / name).mkdir(exist_ok=True)
    user = ["setpriv", f"--reuid={number}", f"--regid={number}", "--clear-groups"]
    settings = [
        f"PYTHONPATH={place}/checkout:{place}/packages",
        f"BUILDER_CACHE={place}/cache",
        f"DBUS_SYSTEM_BUS_ADDRESS={address}",
    ]
    return [
        *(
            "unshare",
            "--mount",
            "sh",
            "-c",
            script,
            "sh",
            sys.base_prefix,
            sysconfig.get_path("purelib"),
            str(ROOT),
            str(place),
            *user,
        ),
        *("env", *settings, f"{place}/python/bin/{Path(sys.executable).resolve().name}", *command),
    ]

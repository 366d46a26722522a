"""Debian's udisks2, and what it needs to be asked: a bus, and polkit.

`python -m tests.integration.udisks.pins` pins the newest of them anew.
"""

from pathlib import Path

from tests.integration.debian_sets import DebianSets

SETS = DebianSets(
    lock=Path(__file__).with_name("packages.json"),
    # libblockdev takes for granted what is on every system.
    packages={"udisks2": ("udisks2", "polkitd", "dbus-daemon", "libcom-err2")},
    # What nothing here is started of: more than half of the bytes.
    unused=(
        "systemd",
        "systemd-sysv",
        "gnupg",
        "gpg",
        "gpg-agent",
        "gpgconf",
        "gpgsm",
        "dirmngr",
        "pinentry-curses",
        "libldap2",
        "passwd",
        "adduser",
        "dmidecode",
        "parted",
        "udev",
        "openssl-provider-legacy",
    ),
)

if __name__ == "__main__":
    SETS.pin()

"""Debian's udisks2, and what it needs to be asked: a bus, and polkit.

`python -m tests.integration.udisks.pins` pins the newest of them anew.
"""

from pathlib import Path

from tests.integration.debian_sets import DebianSets

SETS = DebianSets(
    lock=Path(__file__).with_name("packages.json"),
    packages={"udisks2": ("udisks2", "polkitd", "dbus-daemon")},
)

if __name__ == "__main__":
    SETS.pin()

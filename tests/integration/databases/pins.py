"""Debian's database servers.

`python -m tests.integration.databases.pins` pins the newest of them anew.
"""

from pathlib import Path

from tests.integration.debian_sets import DebianSets

SETS = DebianSets(
    lock=Path(__file__).with_name("packages.json"),
    # dash is what initdb starts the server through.
    packages={"postgresql": ("postgresql-17", "dash"), "mariadb": ("mariadb-server-core",)},
    # What servers that were put up by hand do not use: half of the bytes.
    unused=("libllvm19", "libperl5.40", "perl", "perl-base", "perl-modules-5.40", "locales", "libc-l10n", "libz3-4"),
)

if __name__ == "__main__":
    SETS.pin()

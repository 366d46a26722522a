"""Debian's database servers with all that they load, pinned in packages.json.

`python -m tests.integration.databases.pins` pins the newest of them anew, out of the signed archive.
"""

import json
import os
import time
from pathlib import Path

from builder.app.archives import debian_suites, open_archives
from builder.app.project import find_project
from builder.app.session import Session, Settings
from builder.core.arch import Arch
from builder.debian.pins import PinnedFile
from builder.debian.solve import solve
from builder.debian.unsolvable import Request

LOCK = Path(__file__).with_name("packages.json")
# The machine that the tests run on.
HOST = Arch.AMD64
SUITES = ("trixie", "trixie-security")
# By the set's name. dash is what initdb starts the server through.
PACKAGES = {"postgresql": ("postgresql-17", "dash"), "mariadb": ("mariadb-server-core",)}
# What the packages of a server depend on, and servers that were put up by hand do not use: half of the bytes.
UNUSED = ("libllvm19", "libperl5.40", "perl", "perl-base", "perl-modules-5.40", "locales", "libc-l10n", "libz3-4")


def pinned(name: str) -> tuple[PinnedFile, ...]:
    """The files of the set `name`."""
    return tuple(PinnedFile.model_validate(one) for one in json.loads(LOCK.read_text())[name])


def _pin() -> None:
    with Session(find_project(os.environ), Settings()) as session:
        debian = session.project.open("edge").loaded.recipe.debian
        assert debian is not None
        universe = open_archives(session, debian, now_s=int(time.time())).universe(debian_suites(SUITES), HOST)
        sets = {}
        for name, packages in PACKAGES.items():
            wanted = {package: str(LOCK) for package in packages}
            solved = solve(universe, Request(wanted=wanted, with_base=False))
            sets[name] = [one.pin.model_dump() for one in solved if one.pin.name not in UNUSED]
    LOCK.write_text(json.dumps(sets, indent=1) + "\n")


if __name__ == "__main__":
    _pin()

"""Debian's tools that bundles are judged by, with all that they load, pinned in packages.json.

`python -m tests.integration.airgap.pins` pins the newest of them anew, out of the signed archive.
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
SETS = ("containerd", "docker-registry", "skopeo")


def pinned(name: str) -> tuple[PinnedFile, ...]:
    """The files of the set `name`."""
    return tuple(PinnedFile.model_validate(one) for one in json.loads(LOCK.read_text())[name])


def _pin() -> None:
    with Session(find_project(os.environ), Settings()) as session:
        debian = session.project.open("edge").loaded.recipe.debian
        assert debian is not None
        universe = open_archives(session, debian, now_s=int(time.time())).universe(debian_suites(SUITES), HOST)
        sets = {
            name: [one.pin.model_dump() for one in solve(universe, Request(wanted={name: str(LOCK)}, with_base=False))]
            for name in SETS
        }
    LOCK.write_text(json.dumps(sets, indent=1) + "\n")


if __name__ == "__main__":
    _pin()

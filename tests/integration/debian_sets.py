"""Sets of Debian's packages that tests start programs of, each pinned with all that it loads in a file packages.json."""

import json
import os
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from builder.app.archives import debian_suites, open_archives
from builder.app.project import find_project
from builder.app.session import Session, Settings
from builder.core.arch import Arch, host_arch
from builder.core.errors import BuilderError
from builder.debian.pins import PinnedFile
from builder.debian.solve import solve
from builder.debian.unsolvable import Request
from builder.plan.debian import pool_step
from builder.steps.kinds.tools import TOOLS_TREE, ToolsTreeInput, package_role
from builder.steps.step import Step

# The machine that the tests run on.
HOST = Arch.AMD64
SUITES = ("trixie", "trixie-security")


@dataclass(frozen=True, slots=True, kw_only=True)
class DebianSets:
    """Sets by name, pinned in the file `lock`; `unused` are packages that they depend on and the tests do without."""

    lock: Path
    packages: Mapping[str, Collection[str]]
    unused: Collection[str] = ()

    def tree(self, session: Session, name: str) -> Path:
        """The packages of the set `name`, unpacked; the test is skipped where they cannot be had."""
        if host_arch() is not HOST:
            pytest.skip(f"packages are pinned for {HOST} alone")
        pins = [PinnedFile.model_validate(one) for one in json.loads(self.lock.read_text())[name]]
        step = Step(
            id=f"tools/test-{name}",
            kind=TOOLS_TREE,
            input=ToolsTreeInput(host=HOST),
            needs={package_role(pin.name): pool_step(pin) for pin in pins},
        )
        try:
            return session.obtain(step)
        except BuilderError as error:
            pytest.skip(f"{name} cannot be had: {error.brief}; {'; '.join(map(str, error.details))}")

    def pin(self) -> None:
        """Pin the newest of all anew, out of the signed archive."""
        with Session(find_project(os.environ), Settings()) as session:
            debian = session.project.open("edge").loaded.recipe.debian
            assert debian is not None
            universe = open_archives(session, debian, now_s=int(time.time())).universe(debian_suites(SUITES), HOST)
            sets = {}
            for name, packages in self.packages.items():
                wanted = {package: str(self.lock) for package in packages}
                solved = solve(universe, Request(wanted=wanted, with_base=False))
                sets[name] = [one.pin.model_dump() for one in solved if one.pin.name not in self.unused]
        self.lock.write_text(json.dumps(sets, indent=1) + "\n")

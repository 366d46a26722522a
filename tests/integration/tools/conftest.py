"""Trees of tools and devices' packages, as the lock of the default recipe pins them."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TypeAlias

import pytest

from builder.app.session import Session
from builder.app.workspace import Workspace
from builder.core.arch import Arch, host_arch
from builder.io.leash import Leash
from builder.io.spawn import Runner
from builder.plan.debian import pool_step
from builder.plan.tools import tools_step
from builder.toolchain.merge import merge_packages
from builder.toolchain.tree import ToolsTree
from tests.integration.tools.bench import Workbench

Tools: TypeAlias = Callable[[str], ToolsTree]
Device: TypeAlias = Callable[[Arch], Path]
Unpack: TypeAlias = Callable[[Arch, Callable[[str], bool]], Path]

KERNEL = "linux-image-"


@pytest.fixture(scope="session")
def workspace(session: Session) -> Workspace:
    return session.project.open("edge")


@pytest.fixture(scope="session")
def tools(session: Session, workspace: Workspace) -> Tools:
    """The tree of a set."""
    return lambda name: _tree(session, workspace, name, host_arch())


@pytest.fixture(scope="session")
def foreign_tools(session: Session, workspace: Workspace) -> Tools:
    """The tree of a set for machines of arm64."""
    return lambda name: _tree(session, workspace, name, Arch.ARM64)


def _tree(session: Session, workspace: Workspace, name: str, host: Arch) -> ToolsTree:
    step = tools_step(workspace.lock, host, name, workspace.loaded.recipe.debian)
    return ToolsTree(root=session.obtain(step), arch=host)


@pytest.fixture(scope="session")
def unpack(session: Session, workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Unpack:
    """Packages of an architecture's root file system in one directory: those that `wanted` says, nothing of them run."""

    def unpacked(arch: Arch, wanted: Callable[[str], bool]) -> Path:
        assert workspace.lock.debian is not None
        pins = [pin for pin in workspace.lock.debian.rootfs[arch].packages if wanted(pin.name)]
        steps = [pool_step(pin, workspace.loaded.recipe.debian) for pin in pins]
        built = session.build(steps)
        made = tmp_path_factory.mktemp(f"{arch}-device")
        merge_packages([next(built.output(step).iterdir()) for step in steps], made, cores=2)
        return made

    return unpacked


@pytest.fixture(scope="session")
def device(unpack: Unpack) -> Device:
    """All packages but the kernel."""
    return cache(lambda arch: unpack(arch, lambda name: not name.startswith(KERNEL)))


@pytest.fixture(scope="session")
def kernel(unpack: Unpack) -> Device:
    """The kernel."""
    return cache(lambda arch: unpack(arch, lambda name: name.startswith(KERNEL)))


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    with Leash() as leash:
        yield Runner(log=tmp_path / "log", leash=leash)


@pytest.fixture
def bench(runner: Runner, tmp_path: Path) -> Workbench:
    """Runs tools in a directory of its own."""
    (tmp_path / "work").mkdir()
    return Workbench(runner=runner, place=tmp_path / "work")

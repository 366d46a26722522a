"""Everything that a lock names and that builds of its recipe can need, on this machine and on others."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from builder.app.make import targets_of
from builder.app.project import Project
from builder.app.vendor.parts import Part, parts_of, wheels_part
from builder.app.wanted import Wanted
from builder.app.workspace import Workspace
from builder.core.arch import Arch
from builder.core.digest import Digest
from builder.debian.pins import PinnedFile
from builder.plan.debian import pool_step
from builder.plan.toolchains import FETCH, go_step, wheel_step
from builder.recipe.lockfile import Lock
from builder.steps.kinds.toolchain import GO_TOOLCHAIN, WHEEL
from builder.steps.kinds.vendored import REQUIREMENT_FILES, REQUIREMENTS, RequirementsInput
from builder.steps.source import read_source
from builder.steps.step import Step, reached
from builder.toolchain.go import BOOTSTRAP_WHEEL
from builder.toolchain.zig import ZIG_WHEEL

# Those of this machine; they are taken for every host instead.
_TOOLCHAINS = (GO_TOOLCHAIN, WHEEL)
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What to hold: for devices of `archs` (all that the recipe names where empty), to build on `hosts`.

    `pythons` are the versions of Python (`3.11`) that the builder is set up with there, `requirements` the files of what it then
    needs.
    """

    archs: Sequence[Arch]
    hosts: Sequence[Arch]
    pythons: Sequence[str]
    requirements: Sequence[Path]


def requirement_files(project: Project, *, development: bool) -> list[Path]:
    """The files that pin what the builder runs with, and what its `development` takes."""
    names = ["builder.txt", *(["dev.txt"] if development else [])]
    return [project.root / "requirements" / name for name in names]


def all_parts(workspace: Workspace, scope: Scope) -> list[Part]:
    """All parts of `scope`, each once."""
    toolchains = toolchain_parts(workspace.lock, scope.hosts, host=workspace.inputs.host)
    found = chain(_built(workspace, scope), _packages(workspace, scope), toolchains, python_parts(scope))
    parts: dict[Digest, Part] = {}
    for part in found:
        parts.setdefault(part.key, part)
    return list(parts.values())


def _built(workspace: Workspace, scope: Scope) -> Iterator[Part]:
    """What a build fetches: closed sets, archives of sources, Go modules, imported executables."""
    for target in targets_of(workspace, Wanted(archs=scope.archs)):
        for step in reached(target.step):
            if step.kind not in _TOOLCHAINS:
                yield from parts_of(step)


def _packages(workspace: Workspace, scope: Scope) -> Iterator[Part]:
    """All that the lock pins of Debian's archive and of further ones, tools for every host among them."""
    lock = workspace.lock.debian
    if lock is None:
        return
    archs = scope.archs or workspace.inputs.recipe.architectures
    pins: list[Iterable[PinnedFile]] = [lock.sources]
    pins += [lock.packages.get(arch, ()) for arch in archs]
    pins += [lock.rootfs[arch].packages for arch in archs if arch in lock.rootfs]
    pins += [lock.boards[arch].packages for arch in archs if arch in lock.boards]
    pins += [tools.packages for host in scope.hosts for tools in lock.tools.get(host, {}).values()]
    for pin in chain.from_iterable(pins):
        yield from parts_of(pool_step(pin, workspace.loaded.recipe.debian))


def toolchain_parts(lock: Lock, hosts: Sequence[Arch], *, host: Arch) -> Iterator[Part]:
    """Go, what fetches it, and zig, for all `hosts`; they are fetched with the Go command of this machine, a `host`."""
    bootstrap: Step[Any] = wheel_step(lock, BOOTSTRAP_WHEEL, host)
    for one in hosts:
        for name in (BOOTSTRAP_WHEEL, ZIG_WHEEL):
            yield from parts_of(wheel_step(lock, name, one))
        yield from parts_of(replace(go_step(lock, one), needs={"bootstrap": bootstrap}))


def python_parts(scope: Scope) -> Iterator[Part]:
    """What `builderw` sets up its environment from."""
    for file in scope.requirements:
        source = read_source(file)
        pinned = frozenset(_HASH.findall(file.read_text()))
        for host in scope.hosts:
            for python in scope.pythons:
                step: Step[RequirementsInput] = Step(
                    id=f"vendor/{host}/{file.stem}-python{python}",
                    kind=REQUIREMENT_FILES,
                    input=RequirementsInput(host=host, python=python),
                    sources={REQUIREMENTS: source},
                    resources=FETCH,
                )
                what = f"wheels of {file.name} for {host} with Python {python}"
                yield wheels_part(what, step, [source.digest, host, python], pinned)

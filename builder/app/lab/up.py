"""`builder lab up`: from a file and images to machines that run."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from builder.app.clusters.create import check_name
from builder.app.lab.cluster import make_cluster, provision_node
from builder.app.lab.survey import Means, Survey, Surveyed, survey
from builder.app.run.start import tools_tree
from builder.app.session import Session
from builder.core.errors import BuilderError, RecipeError
from builder.formats.diskimage import ImageFormat, identify_image
from builder.io.detached import start_detached
from builder.io.locks import open_lock, release, try_acquire
from builder.io.machine import free_resources
from builder.io.sparse import copy_sparsely
from builder.io.spawn import Runner
from builder.lab.client import LabClient
from builder.lab.document import Written
from builder.lab.end import MARK, prepared, remove_lab
from builder.lab.model import Lab
from builder.lab.place import LabPlace, labs_directory
from builder.lab.plan import Plan, read_plan, write_plan
from builder.lab.waiting import wait_for_supervisor
from builder.toolchain.tree import ToolsTree
from builder.vm.card import place_card_files
from builder.vm.images import OVERLAY, DiskWanted, disk_size, prepare_disk, unpack
from builder.vm.machine import Bench

_DIRECTORY_MODE = 0o700

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabWanted:
    """A lab that somebody wants, and its name. `out` is where images lie; `is_on`: its machines are turned on.

    `emulate`: no use of KVM.
    """

    written: Written[Lab]
    name: str
    out: Path
    is_on: bool = True
    emulate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Works:
    """What a lab is made with."""

    place: LabPlace
    found: Survey
    qemu: ToolsTree
    mtools: ToolsTree
    runner: Runner


def look_over(session: Session, wanted: LabWanted) -> Survey:
    """All that can be told of a lab before it is made; `RecipeError` with everything that is wrong with it."""
    written, name = wanted.written, wanted.name
    check_name(name, "lab")
    workspace = session.project.open(written.value.recipe)
    means = Means(
        project=session.project,
        boards=workspace.loaded.recipe.boards,
        recipe=workspace.loaded.recipe.name,
        out=wanted.out,
        emulate=wanted.emulate,
        resources=free_resources(),
    )
    _check_absent(LabPlace(path=labs_directory(session.project.cache) / name))
    return survey(written, name, means)


def lab_up(session: Session, wanted: LabWanted, *, now: datetime, tell: Tell) -> LabPlace:
    """Make a lab and start its machines, which go on when this command has ended. Whatever fails, nothing is left of it.

    A signal ends it as long as `tell` was not told that it runs, and ends nothing but the command from then on.
    """
    found = look_over(session, wanted)
    place = LabPlace(path=labs_directory(session.project.cache) / found.name)
    workspace = session.project.open(found.written.value.recipe)
    qemu, mtools = (tools_tree(session, workspace, name) for name in ("qemu", "filesystem"))
    with session.bench("lab") as (runner, _):
        with _fresh(place):
            works = _Works(place=place, found=found, qemu=qemu, mtools=mtools, runner=runner)
            make_cluster(place, found, now=now)
            for surveyed in found.machines.values():
                tell(f"preparing {surveyed.planned.name} from {surveyed.image.name}")
                _make_disk(works, surveyed, now)
                runner.cancel.check()
            write_plan(_plan(works), place.plan)
            _start_supervisor(session, place)
            wait_for_supervisor(place, runner.cancel)
            if wanted.is_on:
                tell(f"starting {len(found.machines)} machines")
                LabClient(place).ask("start")
        if wanted.is_on:
            tell(f"the lab {place.name} runs; 'builder lab down --lab {place.name}' ends it")
    return place


@contextmanager
def _fresh(place: LabPlace) -> Iterator[None]:
    """The new directory of a lab, which is removed with all that runs in it when the block fails."""
    place.path.parent.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
    try:
        place.path.mkdir(mode=_DIRECTORY_MODE)
    except FileExistsError:
        _check_absent(place)
        raise
    with prepared(place):
        try:
            yield
        except BaseException:
            remove_lab(place)
            raise


def _check_absent(place: LabPlace) -> None:
    if not place.path.exists():
        return
    lock = open_lock(place.running)
    is_dead = try_acquire(lock)
    release(lock)
    raise RecipeError(
        f"there is a lab {place.name} already{', which does not run' if is_dead else ''}",
        hint=f"'builder lab down --lab {place.name}' ends it; --name gives this one another name",
    )


def _make_disk(works: _Works, one: Surveyed, now: datetime) -> None:
    """The machine's directory: what a card would hold, and the file that takes what the machine writes."""
    place, planned = works.place, one.planned
    directory = place.machine(planned.name)
    directory.mkdir(mode=_DIRECTORY_MODE, parents=True)
    card, kind = place.card(planned.name), identify_image(one.image)
    if kind.is_compressed:
        unpack(one.image, kind, card)
    elif kind is ImageFormat.RAW:
        copy_sparsely(one.image, card)
    else:
        card = one.image
    if planned.role:
        provision_node(place, planned.name, card, now=now)
    bench = Bench(directory=directory, tools=works.qemu, runner=works.runner)
    size_bytes = max(one.disk_bytes, disk_size(card, identify_image(card)))
    prepare_disk(DiskWanted(image=card, bus=planned.type.disk, size_bytes=size_bytes), bench)
    if planned.type.card:
        place_card_files(planned.type.card, card, directory, mtools=works.mtools, runner=works.runner)


def replace_card(place: LabPlace, name: str, runner: Runner, *, twin: str = "", now: datetime) -> None:
    """Give the machine `name`, which is off, another card: it knows nothing of what it was.

    That is a new one with a new credential, or a copy of the one that the machine `twin` was given.
    """
    plan = read_plan(place.plan)
    directory = place.machine(name)
    if twin:
        place.card(name).unlink()
        copy_sparsely(place.card(twin), place.card(name))
    else:
        provision_node(place, name, place.card(name), now=now)
    planned = next(machine for machine in plan.machines if machine.name == name)
    overlay = directory / OVERLAY
    size_bytes = disk_size(overlay, ImageFormat.QCOW2)
    overlay.unlink()
    bench = Bench(directory=directory, tools=ToolsTree(root=Path(plan.qemu), arch=plan.host), runner=runner)
    prepare_disk(DiskWanted(image=place.card(name), bus=planned.type.disk, size_bytes=size_bytes), bench)


def _plan(works: _Works) -> Plan:
    found = works.found
    lab = found.written.value
    machines = tuple(one.planned for one in found.machines.values())
    return Plan(
        name=found.name,
        title=lab.title,
        file=str(found.written.path.absolute()),
        qemu=str(works.qemu.root),
        host=works.qemu.arch,
        networks=lab.networks,
        machines=machines,
    )


def _start_supervisor(session: Session, place: LabPlace) -> None:
    argv = [sys.executable, "-P", "-m", "builder.lab.supervisor", str(place.path)]
    environment = {"PYTHONPATH": str(session.project.root), "PATH": os.environ.get("PATH", ""), MARK: str(place.path)}
    try:
        start_detached(argv, env=environment, log=place.log)
    except OSError as error:
        raise BuilderError(f"the lab's supervisor cannot be started: {error.strerror}") from error

"""Preparing knowledge of packages whose maintainer scripts are not known yet."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from builder.app.session import Session
from builder.app.workspace import Workspace
from builder.core.errors import RecipeError
from builder.io.files import atomic_write
from builder.plan.rootfs import RootfsWorkshop
from builder.rootfs.content import open_package, unpack_package
from builder.rootfs.knowledge.files import PACKAGES, knowledge_files
from builder.rootfs.knowledge.learn import Lesson, prepare_lesson, write_entries
from builder.rootfs.knowledge.load import read_knowledge

_DEB = ".deb"


@dataclass(slots=True, kw_only=True)
class Learnt:
    """What was prepared: files that were written, packages of which all is known, sections that no template matches."""

    written: list[Path] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    sections: list[str] = field(default_factory=list)


def learn_packages(session: Session, workspace: Workspace, names: Sequence[str]) -> Learnt:
    """Prepare entries for `names`: packages of the lock, or paths of .deb files.

    Entries are added to the files of the recipe's last directory of knowledge; what is in them stays as it is.
    """
    section = workspace.loaded.recipe.rootfs
    if section is None:
        raise RecipeError("the recipe makes no root file system, so there is nothing to learn for it")
    learnt = Learnt()
    lessons: dict[str, list[Lesson]] = {}
    with _unpacked(session, workspace, names) as directories:
        for directory in directories:
            with open_package(directory) as package:
                knowledge = read_knowledge(knowledge_files(section.knowledge, {package.name}))
                lesson = prepare_lesson(package, knowledge)
            _note(lesson, learnt)
            lessons.setdefault(lesson.package, []).append(lesson)
    for name, found in lessons.items():
        if texts := write_entries(found):
            learnt.written.append(_append(section.knowledge[-1] / PACKAGES / f"{name}.yaml", texts))
        else:
            learnt.known.append(name)
    return learnt


def _note(lesson: Lesson, learnt: Learnt) -> None:
    for section in lesson.sections:
        block = "\n".join([str(section), *(f"    {line}" for line in section.text.splitlines())])
        if block not in learnt.sections:
            learnt.sections.append(block)


def _append(path: Path, texts: Sequence[str]) -> Path:
    before = path.read_text() if path.exists() else ""
    parts = [before.rstrip("\n")] if before.strip() else []
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, ("\n\n".join([*parts, *(text.rstrip("\n") for text in texts)]) + "\n").encode())
    return path


@contextmanager
def _unpacked(session: Session, workspace: Workspace, names: Sequence[str]) -> Iterator[list[Path]]:
    """The directories of the unpacked packages; those of the lock for every architecture of the recipe."""
    files = [Path(name) for name in names if name.endswith(_DEB)]
    _require(workspace, [name for name in names if not name.endswith(_DEB)], files)
    workshop = RootfsWorkshop(inputs=workspace.inputs)
    steps = {
        step.key: step
        for arch in workspace.inputs.recipe.architectures
        for name, step in workshop.contents(arch).items()
        if name in names
    }
    result = session.build(list(steps.values())) if steps else None
    directories = [result.output(step) for step in steps.values()] if result else []
    with session.bench("learn") as (_, scratch):
        for number, file in enumerate(files):
            directories.append(scratch / str(number))
            directories[-1].mkdir()
            unpack_package(file, directories[-1])
        yield directories


def _require(workspace: Workspace, names: Sequence[str], files: Sequence[Path]) -> None:
    locked = workspace.lock.debian.rootfs.values() if workspace.lock.debian else ()
    pinned = {pin.name for one in locked for pin in one.packages}
    problems = [f"{name}: the lock {workspace.lock_file} does not pin it" for name in names if name not in pinned]
    problems += [f"{file}: there is no such file" for file in files if not file.is_file()]
    if problems:
        raise RecipeError(
            "these packages are not at hand",
            details=problems,
            hint="name packages that the recipe installs (after 'builder lock --update'), or paths of .deb files",
        )

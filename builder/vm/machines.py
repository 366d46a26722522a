"""The kinds of machines that are known: the files of `recipes/machines/`."""

from pathlib import Path

from builder.core.arch import Arch
from builder.core.errors import RecipeError
from builder.core.nearest import suggestion
from builder.recipe.section_file import read_section
from builder.vm.model import MachineType


def machine_names(directory: Path) -> list[str]:
    """Their names, sorted."""
    return sorted(path.stem for path in directory.glob("*.yaml"))


def read_machine(directory: Path, name: str) -> MachineType:
    """The machine `name`; `RecipeError` where there is none, or where its file has mistakes."""
    names = machine_names(directory)
    if name not in names:
        raise RecipeError(f"there is no machine {name!r}{suggestion(name, 'known', names)}")
    return read_section(directory / f"{name}.yaml", MachineType, Path.cwd())


def default_machine(directory: Path, arch: Arch) -> str:
    """The machine for what runs on `arch` and asks for none."""
    for name in machine_names(directory):
        machine = read_machine(directory, name)
        if machine.default and machine.arch is arch:
            return name
    raise RecipeError(f"no machine is the default for {arch}", details=[f"looked at: {directory}/*.yaml"])

"""What a kernel must have for the cluster's executable: the table that `kedge sysinfo` judges running kernels by."""

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from builder.audit.rootfs.finding import RootFinding
from builder.core.errors import RecipeError
from builder.rootfs.tree import Tree

_CONFIG = re.compile(r"boot/config-(.+)")
_SET = re.compile(r"^CONFIG_(\w+)=(.*)$", re.MULTILINE)
_UNSET = re.compile(r"^# CONFIG_(\w+) is not set$", re.MULTILINE)
_MODULE = re.compile(r"^(?:\S*/)?([^/\s:]+)\.ko[^/:]*:", re.MULTILINE)


class Need(StrEnum):
    """How badly something is needed."""

    REQUIRED = "required"
    RECOMMENDED = "recommended"
    OPTIONAL = "optional"


class KernelNeed(BaseModel):
    """An option of the kernel's configuration, without CONFIG_, and the module that it makes, if it can make one.

    `vanished` options are part of newer kernels, which do not mention them. The other fields are for the device.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    option: Annotated[str, Field(pattern=r"\A[A-Z0-9_]+\z")]
    module: str = ""
    purpose: Annotated[str, Field(alias="for", min_length=1)]
    need: Annotated[Need, Field(strict=False)]
    roles: Annotated[Sequence[Annotated[str, Field(pattern=r"\A(controller|worker|single)\z")]], Field(min_length=1)]
    seen_by: Annotated[Sequence[str], Field(alias="seenBy")] = ()
    vanished: bool = False
    to_do: Annotated[str, Field(alias="toDo")] = ""


_TABLE = TypeAdapter(Annotated[list[KernelNeed], Field(min_length=1)])


def read_kernel_needs(data: bytes, shown: str) -> Sequence[KernelNeed]:
    """The table in `data`, which people know as `shown`; `RecipeError` tells everything that is wrong with it."""
    try:
        needs = _TABLE.validate_json(data)
    except ValidationError as error:
        details = [f"{'.'.join(map(str, one['loc'])) or 'the file'}: {one['msg']}" for one in error.errors()]
        raise RecipeError(f"{shown}: these are no needs of a kernel", details=details) from None
    names = [one.option for one in needs]
    problems = [f"{name} stands there twice" for name in sorted({name for name in names if names.count(name) > 1})]
    problems += [f"{name}: written without CONFIG_" for name in names if name.startswith("CONFIG_")]
    if problems:
        raise RecipeError(f"{shown}: these are no needs of a kernel", details=problems)
    return needs


def read_config(text: str) -> Mapping[str, str]:
    """Options of a kernel's configuration by their names without CONFIG_; those that are not set have the value `n`."""
    return {**dict(_SET.findall(text)), **dict.fromkeys(_UNSET.findall(text), "n")}


def missing(need: KernelNeed, options: Mapping[str, str], modules: frozenset[str]) -> str:
    """Why a kernel with these `options`, and these `modules` on the disk, does not have what is needed; empty where it has it."""
    value = options.get(need.option)
    if value is None:
        return "" if need.vanished else f"CONFIG_{need.option} is not set"
    if value == "n":
        return f"CONFIG_{need.option} is not set"
    if value == "m" and need.module not in modules:
        return f"CONFIG_{need.option}=m, but the module {need.module} is not there"
    return ""


def audit_kernels(tree: Tree, needs: Sequence[KernelNeed]) -> Iterator[RootFinding]:
    """What the kernels in `tree` lack of what is required; what is only recommended is told by the device."""
    for name in tree.children("boot") if tree.is_directory("boot") else ():
        match = _CONFIG.fullmatch(path := f"boot/{name}")
        if match is None:
            continue
        options = read_config(tree.text(path))
        modules = _modules(tree, match[1])
        for need in needs:
            if need.need is Need.REQUIRED and (what := missing(need, options, modules)):
                remedy = "take another kernel; where a slim profile drops a module, load it at boot (rootfs.modules)"
                yield RootFinding(path=f"/{path}", what=f"{what}: {need.purpose}", remedy=remedy)


def _modules(tree: Tree, release: str) -> frozenset[str]:
    index = f"usr/lib/modules/{release}/modules.dep"
    text = tree.text(index) if tree.exists(index) else ""
    return frozenset(name.replace("-", "_") for name in _MODULE.findall(text))

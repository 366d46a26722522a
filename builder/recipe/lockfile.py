"""The lock of a recipe: pins for everything that comes from outside.

`recipes/edge.yaml` is locked by `recipes/edge.lock`, and so is a recipe that extends it and has no lock of its own. A
lock is written by `builder lock --update` alone. Go modules are pinned by a go.mod and go.sum: those of the module's own
source where they fit the recipe, else a pair beside the lock.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from builder.core.arch import Arch
from builder.core.digest import Json
from builder.core.errors import RecipeError
from builder.core.generated import COMMAND
from builder.debian.pins import PinnedFile
from builder.io.files import atomic_write

_INDENT = "  "
_LINE_LENGTH = 120
_UPDATE = "run 'builder lock --update'"

Sha256 = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
ModuleHash = Annotated[str, StringConstraints(pattern=r"^h1:[A-Za-z0-9+/]{43}=$")]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LockedWheel(_Model):
    """A Python wheel: its version, and its digest per architecture of the machine that builds."""

    version: str
    digests: dict[Arch, Sha256]


class LockedGo(_Model):
    """A Go release: its version, and the sum of the module that carries it per architecture of the machine that builds."""

    version: str
    sums: dict[Arch, ModuleHash]


class LockedModules(_Model):
    """Where the go.mod and go.sum lie that pin the cluster's Go modules, relative to the lock."""

    go_mod: str
    go_sum: str


class LockedRootfs(_Model):
    """A root file system's packages: the names that were `wanted`, those that were kept out, and all that came of it, by name."""

    wanted: tuple[str, ...]
    without: tuple[str, ...] = ()
    packages: tuple[PinnedFile, ...]


class LockedBoards(_Model):
    """Packages that images take files of: the names that were `wanted`, and they alone, without what they depend on."""

    wanted: tuple[str, ...]
    packages: tuple[PinnedFile, ...]


class LockedTools(_Model):
    """A tree of tools, or a layer: the names that were `wanted`, and they with all that they need, by name."""

    wanted: tuple[str, ...]
    packages: tuple[PinnedFile, ...]


class LockedRepository(_Model):
    """A further archive as it was when packages were looked for in it; `architectures` is empty where it was for all."""

    suite: str
    components: tuple[str, ...]
    fingerprints: tuple[str, ...]
    architectures: tuple[Arch, ...] = ()


class LockedDebian(_Model):
    """Files of Debian's archive, and the suites and further archives that they were found in.

    `packages` are those of closed sets by the architecture of the device, `sources` the archives of C libraries, `rootfs`
    the packages of root file systems by the architecture of the device, `boards` those whose files images take, `tools`
    the trees of tools by the architecture of the machine that builds and by name. `layers` are the packages of layers of
    images by the architecture of the device, then by image and layer (`IMAGE/LAYER`).
    """

    suites: dict[Arch, tuple[str, ...]]
    source_suite: str
    repositories: dict[str, LockedRepository] = {}
    packages: dict[Arch, tuple[PinnedFile, ...]] = {}
    sources: tuple[PinnedFile, ...] = ()
    rootfs: dict[Arch, LockedRootfs] = {}
    boards: dict[Arch, LockedBoards] = {}
    layers: dict[Arch, dict[str, LockedTools]] = {}
    tool_suites: tuple[str, ...] = ()
    tools: dict[Arch, dict[str, LockedTools]] = {}


class LockedBlob(_Model):
    """A blob of an image."""

    digest: Sha256
    size_bytes: int = Field(ge=0)


class LockedImage(_Model):
    """A ready-made image for one architecture: its manifest, its config and its layers; `media_type` is the manifest's."""

    media_type: str
    manifest: LockedBlob
    config: LockedBlob
    layers: tuple[LockedBlob, ...]


class Lock(_Model):
    """All pins of one recipe. `epoch_s` (seconds since 1970) is the date of everything built with this lock.

    `modules` is None where the recipe builds nothing in Go, `debian` where nothing comes out of Debian's archive. `images` are
    those that are pulled, by their references and by architecture, `daemon_images` the digests of the configs of those that
    a Docker daemon has.
    """

    lock: Literal[1] = 1
    epoch_s: int = Field(ge=0)
    go: LockedGo
    wheels: dict[str, LockedWheel]
    modules: LockedModules | None = None
    debian: LockedDebian | None = None
    images: dict[str, dict[Arch, LockedImage]] = {}
    daemon_images: dict[str, dict[Arch, Sha256]] = {}


def json_schema() -> str:
    """The JSON Schema of a lock, as it is exported."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$comment": f"Generated: {COMMAND}"}
    return json.dumps(schema | Lock.model_json_schema(), indent=2) + "\n"


def lock_path(recipe: Path) -> Path:
    """Where the lock of the recipe at `recipe` lies."""
    return recipe.with_suffix(".lock")


def find_lock(recipe: Path, files: Sequence[Path]) -> Path:
    """The lock of the recipe at `recipe`; where there is none, that of the first of its `files` which has one."""
    own = lock_path(recipe)
    return next((path for path in (own, *map(lock_path, files)) if path.exists()), own)


def read_lock(path: Path) -> Lock:
    """The lock at `path`; `RecipeError` where it is missing, damaged or of another version."""
    try:
        return Lock.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise RecipeError(f"{path}: there is no lock yet, so nothing is pinned", hint=_UPDATE) from None
    except OSError as error:
        raise RecipeError(f"{path}: the lock cannot be read: {error.strerror}") from None
    except ValidationError as error:
        details = [f"{path}: {'.'.join(map(str, one['loc'])) or 'the file'}: {one['msg']}" for one in error.errors()]
        raise RecipeError(
            f"{path}: the lock cannot be read", details=details, hint=f"restore it from version control, or {_UPDATE}"
        ) from None


def write_lock(path: Path, lock: Lock) -> None:
    """Write `lock` to `path`, all or nothing; a pin per line, so that changes can be reviewed."""
    values: Json = {"lock": lock.lock, **lock.model_dump(mode="json", exclude_none=True, exclude_defaults=True)}
    atomic_write(path, f"{_written(values)}\n".encode())


def _written(value: Json, indent: str = "", *, in_list: bool = False) -> str:
    """`value` as JSON: what is short stands in one line, and so does a mapping that is an item of a list."""
    line = json.dumps(value, ensure_ascii=False)
    if not value or not isinstance(value, Mapping | list | tuple):
        return line
    is_flat = not any(isinstance(one, Mapping) for one in (value.values() if isinstance(value, Mapping) else value))
    if in_list or (is_flat and len(indent) + len(line) <= _LINE_LENGTH):
        return line
    further = f"{indent}{_INDENT}"
    if isinstance(value, Mapping):
        items = [f"{json.dumps(key)}: {_written(one, further)}" for key, one in value.items()]
        return "{\n" + ",\n".join(f"{further}{item}" for item in items) + f"\n{indent}}}"
    items = [_written(one, further, in_list=True) for one in value]
    return "[\n" + ",\n".join(f"{further}{item}" for item in items) + f"\n{indent}]"

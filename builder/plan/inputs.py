"""What a plan is made from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from builder.core.arch import Arch
from builder.recipe.lockfile import Lock
from builder.recipe.models import Recipe
from builder.rootfs.customize.model import OverlayEntry
from builder.steps.source import SourceFile

# The source that says what the kernel of a root file system must have.
KERNEL_NEEDS = "audit/kernel-needs.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class LaidFiles:
    """Files of the checkout that are laid over packages: the entries of each overlay, and contents by the name of a source.

    Sources are named `overlay/NAME/PATH`, `files/PATH` and `slim/NUMBER/PROFILE.yaml`; what the result is judged by is
    `audit/kernel-needs.json`.
    """

    overlays: Mapping[str, Mapping[str, OverlayEntry]] = field(default_factory=dict)
    sources: Mapping[str, SourceFile] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFiles:
    """Files of this machine that images are made of.

    `layers` are by image and layer, then by path in the image; `c` are those of C programs and `go` those of Go programs, by
    image, layer and path of the program. `archives` are those of ready-made images, by image; `manifests` say what must be
    in a bundle.
    """

    layers: Mapping[tuple[str, str], Mapping[str, SourceFile]] = field(default_factory=dict)
    c: Mapping[tuple[str, str, str], Mapping[str, SourceFile]] = field(default_factory=dict)
    go: Mapping[tuple[str, str, str], Mapping[str, SourceFile]] = field(default_factory=dict)
    archives: Mapping[str, Mapping[str, SourceFile]] = field(default_factory=dict)
    manifests: Mapping[str, SourceFile] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Everything that a plan is made from.

    `module` are the files of the cluster's Go module by their path in it, its go.mod and go.sum taken from where the lock
    says; empty where the recipe builds none. `patches` are the files of the recipe's patches, in its order, `helpers` those
    files of the module that each of its helpers is compiled from, `knowledge` the files that say what the scripts of each
    architecture's packages do, `layer_knowledge` the same for layers of images by architecture and `IMAGE/LAYER`, `laid`
    those that are laid over the packages, `image_files` those that images are made of, `boot_files` the initrd's script and
    GRUB's configuration, `programs` those of the module that each program of disk images is compiled from, by its path.
    `origin` tells where a key of the recipe was written (`recipes/edge.yaml:14:7`, `default`), `shown` how a path is written
    for people.
    """

    recipe: Recipe
    lock: Lock
    host: Arch
    module: Mapping[str, SourceFile]
    patches: tuple[SourceFile, ...] = ()
    helpers: Mapping[str, Mapping[str, SourceFile]] = field(default_factory=dict)
    knowledge: Mapping[Arch, Mapping[str, SourceFile]] = field(default_factory=dict)
    layer_knowledge: Mapping[tuple[Arch, str], Mapping[str, SourceFile]] = field(default_factory=dict)
    laid: LaidFiles = field(default_factory=LaidFiles)
    image_files: ImageFiles = field(default_factory=ImageFiles)
    boot_files: Mapping[str, SourceFile] = field(default_factory=dict)
    programs: Mapping[str, Mapping[str, SourceFile]] = field(default_factory=dict)
    origin: Callable[[str], str]
    shown: Callable[[Path], str] = str

    def places(self, sources: Mapping[str, SourceFile]) -> dict[str, str]:
        """Where source files lie, for the reasons that a plan gives."""
        return {f"source.{name}": self.shown(source.path) for name, source in sources.items()}

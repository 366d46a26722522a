"""Which of Debian's packages a recipe wants, and at which key it says so."""

from collections.abc import Mapping

from builder.core.arch import Arch
from builder.core.output import Output
from builder.image.facts import BUSYBOX_PACKAGE, GRUB_FACTS
from builder.recipe.cluster import BuiltCluster
from builder.recipe.keypath import KeyPath, format_key_path
from builder.recipe.models import Recipe


def makes_rootfs(recipe: Recipe) -> bool:
    """Whether a root file system is among what `recipe` makes, or part of it."""
    wanted = makes_images(recipe) or Output.ROOTFS in recipe.outputs
    return wanted and recipe.rootfs is not None and recipe.debian is not None


def makes_images(recipe: Recipe) -> bool:
    """Whether disk images are among what `recipe` makes."""
    return Output.IMAGE in recipe.outputs and recipe.image is not None


def takes_for_cluster(recipe: Recipe) -> bool:
    """Whether the cluster executable carries anything out of Debian's archive."""
    cluster = recipe.cluster
    return (
        recipe.debian is not None
        and isinstance(cluster, BuiltCluster)
        and bool(cluster.libraries or cluster.closed_sets)
    )


def layer_packages(recipe: Recipe) -> Mapping[str, Mapping[str, str]]:
    """The packages of each layer of an image that takes any, by `IMAGE/LAYER`, then by name, each with its key."""
    return {
        f"{name}/{title}": {
            package: format_key_path(("images", name, "layers", title, "packages", index))
            for index, package in enumerate(layer.packages)
        }
        for name, image in recipe.images.items()
        for title, layer in (image.layers or {}).items()
        if layer.packages and recipe.debian is not None
    }


def takes_for_layers(recipe: Recipe) -> bool:
    """Whether layers of images take anything out of Debian's archive."""
    return bool(layer_packages(recipe))


def needs_tools(recipe: Recipe) -> bool:
    """Whether packages are put together, which takes tools."""
    return makes_rootfs(recipe) or takes_for_layers(recipe)


def rootfs_packages(recipe: Recipe, arch: Arch) -> Mapping[str, str]:
    """The packages that the root file system for `arch` is to have, by name, each with its key; those left out are not there."""
    found: dict[str, str] = {}
    groups = recipe.rootfs.packages if recipe.rootfs else {}
    for name, group in groups.items():
        path: KeyPath = ("rootfs", "packages", name)
        lists: dict[KeyPath, tuple[str, ...]] = {
            (*path, "packages"): group.packages,
            (*path, "per_architecture", arch): group.per_architecture.get(arch, ()),
        }
        for key, packages in lists.items():
            for index, package in enumerate(packages):
                found.setdefault(package, format_key_path((*key, index)))
    for package in unwanted_packages(recipe):
        found.pop(package, None)
    return dict(sorted(found.items()))


def board_packages(recipe: Recipe, arch: Arch) -> Mapping[str, str]:
    """The packages that images for `arch` take files of, without installing them, by name, each with the key that asks for it."""
    found: dict[str, str] = {}
    for name, board in recipe.boards.items():
        if board.architecture is not arch:
            continue
        where: KeyPath = ("boards", name)
        found.setdefault(BUSYBOX_PACKAGE, format_key_path(where))
        for firmware in board.firmware:
            if facts := GRUB_FACTS.get((arch, firmware)):
                found.setdefault(facts.package, format_key_path((*where, "firmware")))
        for title, loader in board.loaders.items():
            found.setdefault(loader.package, format_key_path((*where, "loaders", title, "package")))
        for path, file in board.files.items():
            if file.package:
                found.setdefault(file.package, format_key_path((*where, "files", path, "package")))
    return dict(sorted(found.items()))


def unwanted_packages(recipe: Recipe) -> Mapping[str, str]:
    """The packages that no root file system may have, by name, each with its key."""
    without = recipe.rootfs.without if recipe.rootfs else ()
    return {package: format_key_path(("rootfs", "without", index)) for index, package in sorted(enumerate(without))}


def tool_packages(recipe: Recipe, name: str) -> Mapping[str, str]:
    """The packages of the tool set `name`, by name, each with its key."""
    tools = recipe.debian.tools if recipe.debian else None
    packages = tools.sets[name] if tools else ()
    path = ("debian", "tools", "sets", name)
    return {package: format_key_path((*path, index)) for index, package in enumerate(packages)}

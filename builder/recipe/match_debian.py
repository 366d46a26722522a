"""Whether a lock pins what its recipe takes out of Debian's archive."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from builder.core.arch import Arch
from builder.recipe.cluster import BuiltCluster
from builder.recipe.debian import Debian, Repository
from builder.recipe.load import LoadedRecipe
from builder.recipe.lockfile import LockedDebian, LockedRepository
from builder.recipe.packages import (
    board_packages,
    layer_packages,
    makes_images,
    makes_rootfs,
    needs_tools,
    rootfs_packages,
    takes_for_cluster,
    tool_packages,
    unwanted_packages,
)

# A key of the recipe, what it asks for, where that is pinned, and what is pinned there.
Pin: TypeAlias = tuple[str, str, str, str | None]


def debian_mismatches(loaded: LoadedRecipe, locked: LockedDebian | None) -> list[str]:
    """One line for everything that the recipe takes out of Debian's archive and `locked` does not pin; empty if it fits."""
    found = [
        *cluster_mismatches(loaded, locked),
        *rootfs_mismatches(loaded, locked),
        *board_mismatches(loaded, locked),
        *layer_mismatches(loaded, locked),
        *tool_mismatches(loaded, locked),
    ]
    return list(dict.fromkeys(found))


def cluster_mismatches(loaded: LoadedRecipe, locked: LockedDebian | None) -> list[str]:
    """What libraries and closed sets are made from."""
    debian, cluster = loaded.recipe.debian, loaded.recipe.cluster
    if debian is None or not isinstance(cluster, BuiltCluster) or not takes_for_cluster(loaded.recipe):
        return []
    wanted = [*_suites(debian, debian.suites, locked)]
    wanted.append(("debian.sources", debian.sources, "the lock", locked.source_suite if locked else None))
    pinned = {pin.name for pin in locked.sources} if locked else set()
    for name, library in cluster.libraries.items():
        found = library.archive if library.archive in pinned else None
        wanted.append((f"cluster.libraries.{name}.archive", library.archive, "the lock's sources", found))
    for arch in debian.suites:
        pinned = {pin.name for pin in locked.packages.get(arch, ())} if locked else set()
        for name, closed_set in cluster.closed_sets.items():
            for index, package in enumerate(closed_set.packages):
                key = f"cluster.closed_sets.{name}.packages[{index}]"
                wanted.append((key, package, f"the lock for {arch}", package if package in pinned else None))
    return differences(loaded, wanted)


def rootfs_mismatches(loaded: LoadedRecipe, locked: LockedDebian | None) -> list[str]:
    """What root file systems are made from: the suites and repositories, and what is wanted and unwanted of them."""
    recipe, debian = loaded.recipe, loaded.recipe.debian
    if debian is None or not makes_rootfs(recipe):
        return []
    found = differences(loaded, _suites(debian, recipe.architectures, locked))
    found += _repository_mismatches(loaded, debian.repositories, locked.repositories if locked else {})
    for arch in recipe.architectures:
        known = locked.rootfs.get(arch) if locked else None
        where = f"the lock for {arch}"
        if known is None:
            place = loaded.origin("outputs")
            found.append(f"{place}: a root file system is to be made, but {where} has no packages of one")
            continue
        found += _package_mismatches(loaded, rootfs_packages(recipe, arch), "rootfs.packages", where, known.wanted)
        without = ", ".join(unwanted_packages(recipe)) or "nothing"
        found += differences(loaded, [("rootfs.without", without, where, ", ".join(known.without) or "nothing")])
    return found


def board_mismatches(loaded: LoadedRecipe, locked: LockedDebian | None) -> list[str]:
    """The packages that images take files of."""
    recipe, debian = loaded.recipe, loaded.recipe.debian
    if debian is None or not makes_images(recipe):
        return []
    found = differences(loaded, _suites(debian, recipe.architectures, locked))
    for arch in recipe.architectures:
        known = locked.boards.get(arch) if locked else None
        wanted = board_packages(recipe, arch)
        found += _package_mismatches(
            loaded, wanted, "boards", f"the lock's boards for {arch}", known.wanted if known else ()
        )
    return found


def layer_mismatches(loaded: LoadedRecipe, locked: LockedDebian | None) -> list[str]:
    """The packages that layers of images take files of."""
    recipe, debian = loaded.recipe, loaded.recipe.debian
    wanted = layer_packages(recipe)
    if debian is None or not wanted:
        return []
    found = differences(loaded, _suites(debian, recipe.architectures, locked))
    for arch in recipe.architectures:
        known = locked.layers.get(arch, {}) if locked else {}
        for name, packages in wanted.items():
            image, _, title = name.partition("/")
            key = f"images.{image}.layers.{title}.packages"
            pinned = known[name].wanted if name in known else ()
            found += _package_mismatches(loaded, packages, key, f"the lock's layers for {arch}", pinned)
    return found


def tool_mismatches(loaded: LoadedRecipe, locked: LockedDebian | None) -> list[str]:
    """What the tools are that root file systems need."""
    tools = loaded.recipe.debian.tools if loaded.recipe.debian else None
    if tools is None or not needs_tools(loaded.recipe):
        return []
    pinned = ", ".join(locked.tool_suites) if locked else None
    found = differences(loaded, [("debian.tools.suites", ", ".join(tools.suites), "the lock", pinned)])
    for host, sets in (locked.tools if locked else {}).items():
        for name in tools.sets:
            known, key = sets.get(name), f"debian.tools.sets.{name}"
            wanted = tool_packages(loaded.recipe, name)
            found += _package_mismatches(
                loaded, wanted, key, f"the lock's tools for {host}", known.wanted if known else ()
            )
    return found


def differences(loaded: LoadedRecipe, wanted: Iterable[Pin]) -> list[str]:
    """One line for each of `wanted` that is pinned otherwise."""
    return [
        f"{loaded.origin(key)}: {key} is {asked}, but {where} has {pinned or 'nothing'}"
        for key, asked, where, pinned in wanted
        if asked != pinned
    ]


def _suites(debian: Debian, archs: Iterable[Arch], locked: LockedDebian | None) -> Iterator[Pin]:
    known = locked.suites if locked else {}
    for arch in archs:
        suites = ", ".join(debian.suites.get(arch, ()))
        yield f"debian.suites.{arch}", suites, "the lock", ", ".join(known.get(arch, ()))


def _package_mismatches(
    loaded: LoadedRecipe, wanted: Mapping[str, str], key: str, where: str, known: Sequence[str]
) -> list[str]:
    """Packages (each with its key) that the lock does not have as wanted, and those that are no longer wanted below `key`."""
    found = differences(loaded, [(path, name, where, None) for name, path in wanted.items() if name not in known])
    gone = [name for name in known if name not in wanted]
    return [
        *found,
        *(f"{loaded.origin(key)}: {key} does not have {name}, which {where} has as wanted" for name in gone),
    ]


def _repository_mismatches(
    loaded: LoadedRecipe, wanted: Mapping[str, Repository], known: Mapping[str, LockedRepository]
) -> list[str]:
    found = [
        f"{loaded.origin('debian')}: debian.repositories does not have {name}, which the lock has"
        for name in known
        if name not in wanted
    ]
    for name, repository in wanted.items():
        key = f"debian.repositories.{name}"
        if name not in known:
            found.append(f"{loaded.origin(key)}: {key} is there, but the lock does not have this repository")
            continue
        asked, pinned = _values(repository), _values(known[name])
        found += differences(loaded, [(f"{key}.{one}", asked[one], "the lock", pinned[one]) for one in asked])
    return found


def _values(repository: Repository | LockedRepository) -> dict[str, str]:
    return {
        "suite": repository.suite,
        "components": ", ".join(repository.components),
        "fingerprints": ", ".join(repository.fingerprints),
        "architectures": ", ".join(repository.architectures) or "all",
    }

"""Resolving what a recipe takes out of Debian's archive to the pins of its lock."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

from builder.app.archives import Archives, debian_suites, device_repositories, open_archives
from builder.app.session import Session
from builder.core.arch import ARCH_FACTS, BUILD_HOSTS, Arch
from builder.core.errors import RecipeError
from builder.core.lock_part import LockPart
from builder.debian.pins import PinnedFile
from builder.debian.repository import SOURCE
from builder.debian.resolve import Wanted, resolve_pins
from builder.debian.solve import solve
from builder.debian.universe import Universe
from builder.debian.unsolvable import Request
from builder.recipe.cluster import BuiltCluster
from builder.recipe.debian import Debian
from builder.recipe.load import LoadedRecipe
from builder.recipe.lockfile import LockedBoards, LockedDebian, LockedRepository, LockedRootfs, LockedTools
from builder.recipe.match_debian import (
    board_mismatches,
    cluster_mismatches,
    layer_mismatches,
    rootfs_mismatches,
    tool_mismatches,
)
from builder.recipe.models import Recipe
from builder.recipe.packages import (
    board_packages,
    layer_packages,
    makes_images,
    makes_rootfs,
    needs_tools,
    rootfs_packages,
    takes_for_cluster,
    takes_for_layers,
    tool_packages,
    unwanted_packages,
)

# What upstream published, without Debian's changes.
_UPSTREAM_ARCHIVE = "*.orig.tar.?z"
# Fields of `LockedDebian` with their values.
_Fields: TypeAlias = dict[str, Any]


def lock_debian(
    session: Session, loaded: LoadedRecipe, known: LockedDebian | None, parts: frozenset[LockPart], *, now_s: int
) -> LockedDebian | None:
    """The pins that fit the recipe, None where it takes nothing out of an archive.

    The parts are what the cluster takes, the root file systems, the boards, the layers of images, the tools. One that fits
    the recipe and is not among `parts` stays as it is in `known`. The others are resolved anew as a whole, to the newest of
    every package: nothing of an old part is carried over, so packages may move that nobody touched.

    `RecipeError` tells all that cannot be had.
    """
    recipe = loaded.recipe
    debian = recipe.debian
    wanted = [part for part in _parts() if part.is_wanted(recipe)]
    if debian is None or not wanted:
        return None
    stale = [part for part in wanted if part.lock_part in parts or part.mismatches(loaded, known)]
    if known and not stale:
        return known
    work = _Work(loaded=loaded, debian=debian, archives=open_archives(session, debian, now_s=now_s))
    fields: _Fields = {"suites": dict(debian.suites), "source_suite": debian.sources}
    for part in wanted:
        fields |= part.resolve(work) if part in stale else {name: getattr(known, name) for name in part.fields}
    work.finish()
    return LockedDebian.model_validate(fields)


@dataclass(slots=True, kw_only=True)
class _Work:
    """What is looked up for a recipe; problems are gathered, so that all are told."""

    loaded: LoadedRecipe
    debian: Debian
    archives: Archives
    problems: list[str] = field(default_factory=list)

    def cluster(self) -> _Fields:
        """Closed sets for every architecture that has a suite: one lock serves recipes for any of them. And libraries."""
        cluster = self.loaded.recipe.cluster
        if not isinstance(cluster, BuiltCluster):
            return {}
        packages = sorted({package for closed_set in cluster.closed_sets.values() for package in closed_set.packages})
        sources = sorted({one.archive for one in cluster.libraries.values()})
        return {
            "packages": {
                arch: self._pins(packages, ARCH_FACTS[arch].debian, suites)
                for arch, suites in self.debian.suites.items()
            },
            "sources": self._pins(sources, SOURCE, (self.debian.sources,), files=_UPSTREAM_ARCHIVE),
        }

    def rootfs(self) -> _Fields:
        """Root file systems for the architectures of the recipe: others may lack packages that are meant for those."""
        recipe = self.loaded.recipe
        without = unwanted_packages(recipe)
        unknown = dict(without)
        locked: dict[Arch, LockedRootfs] = {}
        for arch in recipe.architectures:
            wanted = rootfs_packages(recipe, arch)
            universe = self._device_universe(arch)
            unknown = {name: key for name, key in unknown.items() if universe.candidate(name) is None}
            request = Request(wanted=self._places(wanted), without=self._places(without), with_base=True)
            pins = self._closure(universe, request, f"the root file system for {arch}")
            locked[arch] = LockedRootfs(wanted=tuple(sorted(wanted)), without=tuple(sorted(without)), packages=pins)
        self.problems += [
            f"{self.loaded.origin(key)}: there is no package {name} that could be left out"
            for name, key in unknown.items()
        ]
        return {"rootfs": locked, "repositories": _repositories(self.debian)}

    def boards(self) -> _Fields:
        """What images take files of: these packages alone, which are not installed."""
        locked: dict[Arch, LockedBoards] = {}
        for arch in self.loaded.recipe.architectures:
            names = sorted(board_packages(self.loaded.recipe, arch))
            repositories = device_repositories(self.loaded, self.debian, arch)
            wanted = [
                Wanted(name=one, architecture=ARCH_FACTS[arch].debian, repositories=repositories) for one in names
            ]
            pins = self._tried(partial(resolve_pins, wanted, self.archives.library), f"the boards of {arch}")
            locked[arch] = LockedBoards(wanted=tuple(names), packages=pins)
        return {"boards": locked}

    def layers(self) -> _Fields:
        """Layers of images: their packages with all that they depend on, each layer for itself. They are no systems either."""
        recipe = self.loaded.recipe
        locked: dict[Arch, dict[str, LockedTools]] = {}
        for arch in recipe.architectures:
            universe = self._device_universe(arch)
            locked[arch] = {}
            for name, wanted in layer_packages(recipe).items():
                request = Request(wanted=self._places(wanted), with_base=False)
                pins = self._closure(universe, request, f"the layer {name} for {arch}")
                locked[arch][name] = LockedTools(wanted=tuple(sorted(wanted)), packages=pins)
        return {"layers": locked, "repositories": _repositories(self.debian)}

    def tools(self) -> _Fields:
        """Trees of tools for all machines that builds run on. They have no base of their own: they are no systems."""
        tools = self.debian.tools
        if tools is None:
            return {}
        locked: dict[Arch, dict[str, LockedTools]] = {}
        for host in BUILD_HOSTS:
            universe = self.archives.universe(debian_suites(tools.suites), host)
            locked[host] = {}
            for name in tools.sets:
                wanted = tool_packages(self.loaded.recipe, name)
                request = Request(wanted=self._places(wanted), with_base=False)
                pins = self._closure(universe, request, f"the tools {name} for {host}")
                locked[host][name] = LockedTools(wanted=tuple(sorted(wanted)), packages=pins)
        return {"tool_suites": tools.suites, "tools": locked}

    def finish(self) -> None:
        """Raise one error for all problems."""
        if self.problems:
            raise RecipeError(
                "not all packages that the recipe wants can be had",
                details=self.problems,
                hint="correct the packages of the recipe, or the suites that they come from",
            )

    def _device_universe(self, arch: Arch) -> Universe:
        return self.archives.universe(device_repositories(self.loaded, self.debian, arch), arch)

    def _pins(
        self, names: list[str], architecture: str, suites: tuple[str, ...], *, files: str = "*"
    ) -> tuple[PinnedFile, ...]:
        repositories = debian_suites(suites)
        wanted = [Wanted(name=one, architecture=architecture, repositories=repositories, files=files) for one in names]
        return self._tried(partial(resolve_pins, wanted, self.archives.library), f"the cluster ({architecture})")

    def _closure(self, universe: Universe, request: Request, what: str) -> tuple[PinnedFile, ...]:
        return self._tried(lambda: [one.pin for one in solve(universe, request)], what)

    def _tried(self, find: Callable[[], Iterable[PinnedFile]], what: str) -> tuple[PinnedFile, ...]:
        """What `find` finds; nothing where it cannot be had, which is told at the end."""
        try:
            return tuple(find())
        except RecipeError as error:
            self.problems += [f"for {what}:", *(f"  {line}" for line in error.details)]
            return ()

    def _places(self, keys: Mapping[str, str]) -> dict[str, str]:
        return {name: self.loaded.origin(key) for name, key in keys.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A part of what is locked, which is kept or resolved as a whole: the `fields` of `LockedDebian`."""

    lock_part: LockPart
    fields: tuple[str, ...]
    is_wanted: Callable[[Recipe], bool]
    mismatches: Callable[[LoadedRecipe, LockedDebian | None], list[str]]
    resolve: Callable[[_Work], _Fields]


def _parts() -> tuple[_Part, ...]:
    return (
        _Part(
            lock_part=LockPart.DEBIAN,
            fields=("packages", "sources"),
            is_wanted=takes_for_cluster,
            mismatches=cluster_mismatches,
            resolve=_Work.cluster,
        ),
        _Part(
            lock_part=LockPart.DEBIAN,
            fields=("rootfs", "repositories"),
            is_wanted=makes_rootfs,
            mismatches=rootfs_mismatches,
            resolve=_Work.rootfs,
        ),
        _Part(
            lock_part=LockPart.DEBIAN,
            fields=("boards",),
            is_wanted=makes_images,
            mismatches=board_mismatches,
            resolve=_Work.boards,
        ),
        _Part(
            lock_part=LockPart.DEBIAN,
            fields=("layers", "repositories"),
            is_wanted=takes_for_layers,
            mismatches=layer_mismatches,
            resolve=_Work.layers,
        ),
        _Part(
            lock_part=LockPart.TOOLS,
            fields=("tools", "tool_suites"),
            is_wanted=needs_tools,
            mismatches=tool_mismatches,
            resolve=_Work.tools,
        ),
    )


def _repositories(debian: Debian) -> dict[str, LockedRepository]:
    return {
        name: LockedRepository(
            suite=one.suite,
            components=one.components,
            fingerprints=one.fingerprints,
            architectures=one.architectures,
        )
        for name, one in debian.repositories.items()
    }

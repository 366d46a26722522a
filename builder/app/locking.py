"""Moving pins: what a recipe asks for, resolved against the registries and written to its lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path

from builder.app.debian_locking import lock_debian
from builder.app.image_locking import lock_daemon_images, lock_images
from builder.app.module_locking import ModuleLocking
from builder.app.session import Session
from builder.core.arch import BUILD_HOSTS
from builder.core.errors import BuilderError
from builder.core.lock_part import LockPart
from builder.debian.pins import PinnedFile
from builder.plan.toolchains import wheel_step
from builder.recipe.cluster import BuiltCluster
from builder.recipe.load import LoadedRecipe, load_recipe
from builder.recipe.lockfile import (
    Lock,
    LockedDebian,
    LockedGo,
    LockedModules,
    LockedWheel,
    find_lock,
    lock_path,
    read_lock,
    write_lock,
)
from builder.recipe.match import lock_mismatches, module_mismatches
from builder.toolchain.go import BOOTSTRAP_WHEEL, ToolchainFetcher, bootstrap_root
from builder.toolchain.network import network_hints
from builder.toolchain.wheels import Pip
from builder.toolchain.zig import ZIG_WHEEL


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRequest:
    """Which lock to bring up to date: that of `recipe` with `overrides`; `parts` are resolved even where they fit.

    `now_s` (seconds since the epoch) becomes the date of the lock when a pin moves.
    """

    recipe: Path
    overrides: Sequence[str]
    lock_file: Path | None
    parts: frozenset[LockPart]
    now_s: int


def update_lock(session: Session, request: LockRequest) -> list[str]:
    """Resolve what the lock lacks and write it; one line for every pin that moved, none when nothing changed."""
    loaded = load_recipe(request.recipe, request.overrides)
    path = request.lock_file or lock_path(request.recipe)
    start = path if request.lock_file else find_lock(request.recipe, loaded.files)
    before = _readable_lock(start)
    inherited = before is not None and start != path
    if inherited and before and not request.parts and not lock_mismatches(loaded, before, start.parent):
        return []  # it fits as it is, and what is in it beyond that does no harm
    update = _Update(
        session=session, loaded=loaded, path=path, before=before, before_place=start.parent, parts=request.parts
    )
    lock = update.resolve(request.now_s)
    if lock == before and not inherited:
        return []
    write_lock(path, lock)
    return [*_changes(before, lock), f"wrote {path}"]


def _readable_lock(path: Path) -> Lock | None:
    """The lock as it is; a missing or damaged one pins nothing."""
    try:
        return read_lock(path)
    except BuilderError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Update:
    """One update of the lock at `path`; keeps of `before`, out of `before_place`, what still fits and is not in `parts`."""

    session: Session
    loaded: LoadedRecipe
    path: Path
    before: Lock | None
    before_place: Path
    parts: frozenset[LockPart]

    def resolve(self, now_s: int) -> Lock:
        """The lock that fits the recipe; it keeps its date when no pin moved."""
        toolchains = self.loaded.recipe.toolchains
        wheels = {
            BOOTSTRAP_WHEEL: self._wheel(BOOTSTRAP_WHEEL, toolchains.go_bootstrap, LockPart.GO),
            ZIG_WHEEL: self._wheel(ZIG_WHEEL, toolchains.zig, LockPart.ZIG),
        }
        lock = Lock(epoch_s=now_s, go=LockedGo(version=toolchains.go, sums={}), wheels=wheels)
        lock = lock.model_copy(update={"go": self._go(lock)})
        cluster = self.loaded.recipe.cluster
        if isinstance(cluster, BuiltCluster):
            lock = lock.model_copy(update={"modules": self._modules(lock, cluster)})
        known = self.before.debian if self.before else None
        debian = lock_debian(self.session, self.loaded, known, self.parts, now_s=now_s)
        lock = lock.model_copy(update={"debian": debian})
        images = self.before.images if self.before else {}
        images = lock_images(self.session, self.loaded, images, anew=LockPart.IMAGES in self.parts)
        on_daemon = self.before.daemon_images if self.before else {}
        on_daemon = lock_daemon_images(self.session, self.loaded, on_daemon, anew=LockPart.IMAGES in self.parts)
        lock = lock.model_copy(update={"images": images, "daemon_images": on_daemon})
        if self.before and lock == self.before.model_copy(update={"epoch_s": now_s}):
            return self.before
        return lock

    def _wheel(self, name: str, version: str, part: LockPart) -> LockedWheel:
        known = self.before.wheels.get(name) if self.before else None
        if known and known.version == version and part not in self.parts:
            return known
        with self.session.bench(f"lock-{name}") as (runner, scratch), network_hints():
            network = self.session.network
            pip = Pip(runner=runner, environment=network.environment, stall_s=network.stall_s, scratch=scratch)
            return LockedWheel(
                version=version, digests={host: pip.digest_of(name, version, host) for host in BUILD_HOSTS}
            )

    def _go(self, lock: Lock) -> LockedGo:
        version = lock.go.version
        known = self.before.go if self.before else None
        if known and known.version == version and LockPart.GO not in self.parts:
            return known
        bootstrap = self.session.obtain(wheel_step(lock, BOOTSTRAP_WHEEL, self.session.host))
        with self.session.bench("lock-go") as (runner, scratch), network_hints():
            fetcher = ToolchainFetcher(
                goroot=bootstrap_root(bootstrap),
                runner=runner,
                environment=self.session.network.environment,
                stall_s=self.session.network.stall_s,
                scratch=scratch,
            )
            return LockedGo(version=version, sums={host: fetcher.sum_of(version, host) for host in BUILD_HOSTS})

    def _modules(self, lock: Lock, cluster: BuiltCluster) -> LockedModules:
        if self.before and self.before.modules and LockPart.MODULES not in self.parts:
            go_mod, go_sum = (
                self.before_place / self.before.modules.go_mod,
                self.before_place / self.before.modules.go_sum,
            )
            if not module_mismatches(self.loaded, go_mod):
                return self._located(go_mod, go_sum)
        own = self.path.with_suffix(".go.mod"), self.path.with_suffix(".go.sum")
        locking = ModuleLocking(session=self.session, loaded=self.loaded, cluster=cluster, lock=lock)
        return self._located(*locking.resolve(own_go_mod=own[0], own_go_sum=own[1]))

    def _located(self, go_mod: Path, go_sum: Path) -> LockedModules:
        place = self.path.parent
        return LockedModules(go_mod=relpath(go_mod, place), go_sum=relpath(go_sum, place))


def _changes(before: Lock | None, after: Lock) -> list[str]:
    old, new = _versions(before), _versions(after)
    told = [
        f"{name}: {old.get(name, 'nothing')} -> {new.get(name, 'nothing')}"
        for name in new | old
        if old.get(name) != new.get(name)
    ]
    return [*told, *_debian_changes(before.debian if before else None, after.debian)]


def _versions(lock: Lock | None) -> dict[str, str]:
    if lock is None:
        return {}
    wheels = {name: wheel.version for name, wheel in lock.wheels.items()}
    modules = {"Go modules": f"{lock.modules.go_mod}, {lock.modules.go_sum}"} if lock.modules else {}
    images = {
        f"{reference} ({arch})": image.manifest.digest
        for reference, archs in lock.images.items()
        for arch, image in archs.items()
    }
    on_daemon = {
        f"{reference} ({arch})": digest
        for reference, archs in lock.daemon_images.items()
        for arch, digest in archs.items()
    }
    return {"go": lock.go.version, **wheels, **modules, **images, **on_daemon}


def _debian_changes(before: LockedDebian | None, after: LockedDebian | None) -> list[str]:
    """A line for every package that moved, one for all where none was pinned before."""
    old_groups, told = _debian_groups(before), []
    for group, new in _debian_groups(after).items():
        old = old_groups.get(group, {})
        if new and not old:
            told.append(f"{group}: nothing -> {len(new)} packages")
            continue
        told += [
            f"{name} ({group}): {old.get(name, 'nothing')} -> {new.get(name, 'nothing')}"
            for name in sorted(new | old)
            if old.get(name) != new.get(name)
        ]
    return told


def _debian_groups(locked: LockedDebian | None) -> dict[str, dict[str, str]]:
    """The versions of all packages by what they are pinned for, and by name."""
    if locked is None:
        return {}
    groups: dict[str, Sequence[PinnedFile]] = {"source": locked.sources}
    groups |= {f"{arch}": pins for arch, pins in locked.packages.items()}
    groups |= {f"{arch} rootfs": rootfs.packages for arch, rootfs in locked.rootfs.items()}
    groups |= {f"{arch} boards": boards.packages for arch, boards in locked.boards.items()}
    groups |= {
        f"{arch} layer {name}": layer.packages
        for arch, layers in locked.layers.items()
        for name, layer in layers.items()
    }
    groups |= {
        f"{host} tools {name}": tools.packages for host, sets in locked.tools.items() for name, tools in sets.items()
    }
    return {group: {pin.name: pin.version for pin in pins} for group, pins in groups.items()}

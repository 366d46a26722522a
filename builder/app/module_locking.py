"""Resolving the Go modules of a recipe to the go.mod and go.sum that its lock names."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from builder.app.session import Session
from builder.app.workspace import module_sources, require_source
from builder.core.errors import RecipeError
from builder.gobuild.command import Go
from builder.gobuild.resolve import ModuleResolver, Requirement
from builder.io.files import atomic_write
from builder.plan.toolchains import go_step
from builder.recipe.cluster import BuiltCluster
from builder.recipe.load import LoadedRecipe
from builder.recipe.lockfile import Lock
from builder.recipe.match import module_mismatches
from builder.toolchain.network import network_hint, network_hints


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleLocking:
    """Resolves with the Go toolchain of `lock`, in a copy of the source of `cluster`, which is that of the recipe."""

    session: Session
    loaded: LoadedRecipe
    cluster: BuiltCluster
    lock: Lock

    def resolve(self, *, own_go_mod: Path, own_go_sum: Path) -> tuple[Path, Path]:
        """The go.mod and go.sum that fit the recipe: the source's where they do, else the given files, written anew."""
        require_source(self.loaded, self.cluster)
        source = self.cluster.source
        files = module_sources(source, go_mod=source / "go.mod", go_sum=source / "go.sum")
        goroot = self.session.obtain(go_step(self.lock, self.session.host))
        with self.session.bench("lock-modules") as (runner, scratch), network_hints():
            copy = scratch / "source"
            for name, file in files.items():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file.path, copy / name)
            caches = self.session.project.caches
            go = Go(
                goroot=goroot,
                build_cache=caches.go_build,
                module_cache=caches.go_modules,
                scratch=scratch,
                runner=runner,
            )
            network = self.session.network
            resolver = ModuleResolver(go=go, environment=network.environment, stall_s=network.stall_s)
            requirements = list(self._requirements())
            self._require_available(resolver, requirements, copy)
            changed = resolver.resolve(requirements, copy)
            self._require_exact(copy / "go.mod")
            if not changed:
                own_go_mod.unlink(missing_ok=True)
                own_go_sum.unlink(missing_ok=True)
                return source / "go.mod", source / "go.sum"
            atomic_write(own_go_mod, (copy / "go.mod").read_bytes())
            atomic_write(own_go_sum, (copy / "go.sum").read_bytes())
        return own_go_mod, own_go_sum

    def _requirements(self) -> Iterable[Requirement]:
        for component in self.cluster.components.values():
            yield Requirement(module=component.module, version=component.version, staging=component.staging)
            for module in component.together:
                yield Requirement(module=module, version=component.version)

    def _require_exact(self, go_mod: Path) -> None:
        """Raise where Go chose another version: it takes the highest that any module asks for."""
        mismatches = module_mismatches(self.loaded, go_mod)
        if mismatches:
            raise RecipeError(
                "these versions do not go together",
                details=mismatches,
                hint="another component needs the newer version that was chosen; ask for that one",
            )

    def _require_available(self, resolver: ModuleResolver, requirements: list[Requirement], copy: Path) -> None:
        """Raise one error for all versions that no proxy has, each with the line that asks for it."""
        refused = resolver.unavailable(requirements, copy)
        if not refused:
            return
        details = []
        for name, component in self.cluster.components.items():
            for module in (component.module, *component.together):
                asked = f"{module}@{component.version}"
                if asked in refused:
                    place = self.loaded.origin(f"cluster.components.{name}.version")
                    details.append(f"{place}: {asked} cannot be had: {refused[asked].removeprefix(f'{asked}: ')}")
        raise RecipeError(
            f"{len(refused)} module {'version' if len(refused) == 1 else 'versions'} of the recipe cannot be had",
            details=details,
            hint=network_hint(" ".join(refused.values())),
        )

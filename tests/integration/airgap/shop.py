"""A recipe whose bundle is nothing but pulled images, and a builder for it with a cache and a home of its own."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from builder.app.locking import LockRequest, update_lock
from builder.app.make import make_artifacts, targets_of
from builder.app.project import Project
from builder.app.session import Session, Settings
from builder.app.vendor.compose import Scope
from builder.app.vendor.fill import fill
from builder.app.vendor.origin import VendorOrigin
from builder.app.vendor.sources import SourceParts
from builder.app.wanted import Wanted
from builder.app.workspace import open_workspace
from builder.core.digest import Digest
from builder.core.events import Event
from builder.core.lock_part import LockPart

ROOT = Path(__file__).parents[3]


@dataclass(kw_only=True)
class Shop:
    """`images` are references by name, which are come by as `pull` says; `home` is the user's home directory.

    Everything is written below `directory`.
    """

    directory: Path
    home: Path
    images: Mapping[str, str]
    archs: tuple[str, ...] = ("armv7",)
    pull: str = "registry"
    stall_s: float = 30
    variables: Mapping[str, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.directory / "kedge").write_bytes(b"never looked at")
        self.write()
        pins = json.loads((ROOT / "recipes/edge.lock").read_text())
        kept = {key: pins[key] for key in ("lock", "epoch_s", "go", "wheels")}
        self.lock_file.write_text(json.dumps(kept))

    @property
    def recipe(self) -> Path:
        return self.directory / "shop.yaml"

    @property
    def lock_file(self) -> Path:
        return self.directory / "shop.lock"

    @property
    def bundle(self) -> Path:
        return self.directory / f"out/shop/{self.archs[0]}/bundle/kedge-airgap-{self.archs[0]}.tar"

    def write(self) -> None:
        """Write the recipe as `images` are now."""
        digest = Digest.of_file(self.directory / "kedge").hex
        executables = {arch: {"file": "kedge", "sha256": digest} for arch in self.archs}
        recipe = {
            "extends": str(ROOT / "recipes/toolchains.yaml"),
            "name": "shop",
            "architectures": list(self.archs),
            "outputs": ["bundle"],
            "cluster": {"name": "kedge", "version": "1.0.0", "executables": executables},
            "images": {name: {"reference": one, "pull": self.pull} for name, one in self.images.items()},
        }
        self.recipe.write_text(json.dumps(recipe))

    def lock(self, *, anew: bool = False) -> list[str]:
        """What `builder lock --update` tells."""
        parts = frozenset({LockPart.IMAGES}) if anew else frozenset()
        request = LockRequest(recipe=self.recipe, overrides=(), lock_file=None, parts=parts, now_s=int(time.time()))
        with self._session() as session:
            return update_lock(session, request)

    def make(self) -> Path:
        """The bundle."""
        with self._session() as session:
            workspace = open_workspace(self.recipe, ())
            make_artifacts(session, workspace, Wanted(), self.directory / "out")
        return self.bundle

    def fetch(self) -> None:
        """Bring the images of the bundle, which is not made."""
        with self._session() as session:
            (target,) = targets_of(open_workspace(self.recipe, ()), Wanted())
            session.build(list(target.step.needs.values()))

    def vendor(self, directory: Path) -> int:
        """Keep what the lock names in `directory`; how many parts came."""
        with self._session() as session:
            scope = Scope(archs=(), hosts=(), pythons=(), requirements=())
            return fill(session, open_workspace(self.recipe, ()), scope, directory, SourceParts()).fetched

    def make_from(self, directory: Path) -> Path:
        """The bundle out of `directory`, by a builder with an empty cache."""
        project = Project(root=ROOT, cache=self.directory / "empty", environment={"HOME": "/nonexistent"})
        project.cache.mkdir()
        with Session(project, Settings(origin=VendorOrigin(root=directory))) as session:
            make_artifacts(session, open_workspace(self.recipe, ()), Wanted(), self.directory / "out")
        return self.bundle

    def _session(self) -> Session:
        environment = {"HOME": str(self.home), "PATH": "/usr/bin:/bin", **self.variables}
        project = Project(root=ROOT, cache=self.directory / "cache", environment=environment)
        project.cache.mkdir(exist_ok=True)
        return Session(project, Settings(stall_s=self.stall_s), sink=self.events.append)

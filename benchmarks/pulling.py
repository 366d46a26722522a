"""Images out of a registry on loopback, by the builder and by skopeo."""

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import perf_counter

from builder.app.session import Session
from builder.core.arch import Arch
from builder.core.resources import MIB
from builder.io.files import remove_tree
from builder.io.leash import Leash
from builder.io.spawn import Runner
from builder.oci.bundle import write_bundle
from builder.toolchain.tree import ToolsTree
from tests.integration.airgap.pins import SETS
from tests.integration.airgap.registry import Registry, Skopeo, running_registry
from tests.integration.airgap.shop import Shop
from tests.integration.debian_sets import HOST
from tests.unit.oci.made import EPOCH_S, Made, make_image

IMAGES = 10
_OWN_BYTES, _SHARED_BYTES = 4 * MIB, 32 * MIB


@dataclass(frozen=True, kw_only=True)
class Pulling:
    """A registry with images for one platform; every pull starts with nothing, in a directory of its own below `place`."""

    place: Path
    registry: Registry
    skopeo: Skopeo
    home: Path
    numbers: Iterator[int]

    def fill(self, name: str, *, shared: bool) -> list[str]:
        """Push images with layers of their own, and one that all have where it is `shared`; their references."""
        common = ({"usr/lib/common": _noise(0, _SHARED_BYTES)},) if shared else ()
        references = []
        for number in range(IMAGES):
            reference = f"{self.registry.host}/{name}/{number}:1"
            layers = (*common, {"app": _noise(number + 1, _OWN_BYTES)})
            image = self.place / f"{name}-{number}"
            make_image(image, Made(reference=reference, arch=Arch.ARMV7, layers=layers))
            bundle = write_bundle([image], self.place / f"{name}-{number}.tar", epoch_s=EPOCH_S)
            self.skopeo.push(f"oci-archive:{bundle}:{reference}", self.registry, f"{name}/{number}:1")
            remove_tree(image)
            bundle.unlink()
            references.append(reference)
        return references

    def by_builder(self, references: list[str]) -> float:
        """Seconds until the builder has the blobs of all, verified."""
        directory = self._fresh()
        images = {f"image{number}": reference for number, reference in enumerate(references)}
        shop = Shop(directory=directory, home=self.home, images=images)
        shop.lock()
        begin_s = perf_counter()
        shop.fetch()
        duration_s = perf_counter() - begin_s
        remove_tree(directory)
        return duration_s

    def by_skopeo(self, references: list[str]) -> float:
        """Seconds until skopeo has copied one after the other into an image layout, where what is shared is there already."""
        directory = self._fresh()
        begin_s = perf_counter()
        for reference in references:
            path = reference.removeprefix(f"{self.registry.host}/")
            self.skopeo.pull(self.registry, path, f"oci:{directory}/layout:{reference}")
        duration_s = perf_counter() - begin_s
        remove_tree(directory)
        return duration_s

    def _fresh(self) -> Path:
        directory = self.place / f"pull-{next(self.numbers)}"
        directory.mkdir()
        return directory


@contextmanager
def open_pulling(session: Session, place: Path) -> Iterator[Pulling]:
    """A registry that keeps everything below `place`."""
    trees: Mapping[str, ToolsTree] = {
        name: ToolsTree(root=SETS.tree(session, name), arch=HOST) for name in ("docker-registry", "skopeo")
    }
    for name in ("skopeo", "home"):
        (place / name).mkdir(parents=True)
    with running_registry(trees["docker-registry"], place / "registry") as registry, Leash() as leash:
        runner = Runner(log=place / "log", leash=leash)
        yield Pulling(
            place=place,
            registry=registry,
            skopeo=Skopeo(tree=trees["skopeo"], runner=runner, directory=place / "skopeo"),
            home=registry.home(place / "home"),
            numbers=count(),
        )


def _noise(seed: int, size_bytes: int) -> bytes:
    """Bytes that no compressor makes smaller, the same for the same `seed`."""
    return random.Random(seed).randbytes(size_bytes)  # noqa: S311 - nothing is secret

from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.core.digest import Digest
from builder.io.files import remove_tree
from builder.store.entry import Entry
from builder.store.record import Made
from builder.store.store import Store


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "Lager mit Umlaut ü"
    yield place
    remove_tree(place)


@pytest.fixture
def store(root: Path) -> Iterator[Store]:
    opened = Store(root)
    yield opened
    opened.close()


def key_of(name: str) -> Digest:
    return Digest.of_bytes(name.encode())


def put(store: Store, name: str, *, size_bytes: int = 10, used_s: float = 1000.0, kind: str = "kind") -> Entry:
    """An entry with one file `data`."""
    with store.claim(key_of(name)) as claim:
        (claim.output / "data").write_bytes(b"x" * size_bytes)
        made = Made(
            step=name, kind=kind, facts={"input": name}, duration_s=2.5, peak_memory_bytes=7, downloaded_bytes=3
        )
        return claim.commit(made, created_s=used_s)

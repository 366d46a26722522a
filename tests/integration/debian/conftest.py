from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import pysequoia
import pytest

from builder.debian.connection import open_client
from builder.debian.download import Downloader
from tests.integration.debian.archive import Archive
from tests.integration.debian.server import Server, serving

Connect: TypeAlias = Callable[..., Downloader]
Serve: TypeAlias = Callable[..., Server]


@pytest.fixture(scope="session")
def signer() -> pysequoia.Tsk:
    return pysequoia.Tsk.generate(user_id="Sample archive")


@pytest.fixture
def archive(tmp_path: Path, signer: pysequoia.Tsk) -> Archive:
    return Archive(root=tmp_path / "archive" / "debian", signer=signer)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Makes servers that last as long as the test."""
    with ExitStack() as stack:
        yield lambda root, login="": stack.enter_context(serving(Server(root=root, login=login)))


@pytest.fixture
def pauses() -> list[float]:
    """The pauses that a downloader made between attempts, in seconds; no time passes."""
    return []


@pytest.fixture
def connect(pauses: list[float]) -> Iterator[Connect]:
    """Makes downloaders that last as long as the test."""
    with ExitStack() as stack:

        def connected(environment: dict[str, str] | None = None, stall_s: float = 30) -> Downloader:
            client = stack.enter_context(open_client(environment or {}, stall_s=stall_s))
            return Downloader(client=client, attempts=3, pause=pauses.append)

        yield connected

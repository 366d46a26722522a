"""A cluster's trust as its operator makes it, and a controller's data directory that begins with it."""

import io
import tarfile
from datetime import UTC, datetime
from pathlib import Path

from builder.app.clusters.access import controller_files
from builder.app.clusters.create import NewCluster, create_cluster
from builder.app.clusters.unlock import Unlocking
from builder.fleet.directory import ClusterDirectory
from builder.fleet.endpoints import Endpoint
from builder.trust.age import new_identity, recipient_of


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def make_trust(directory: Path, endpoint: Endpoint) -> tuple[ClusterDirectory, Unlocking]:
    """A cluster `mill` below `directory`, and what opens its keys."""
    identity, file = new_identity(), directory / "identity"
    file.write_text(identity)
    recipient = recipient_of(identity, where="identity")
    wanted = NewCluster(name="mill", endpoints=[endpoint], recipient=recipient)
    made = create_cluster(directory / "clusters", wanted, now=now())
    return made, Unlocking(passphrase_file=None, identity_file=file, prompt=None)


def lay_out(cluster: ClusterDirectory, unlocking: Unlocking, data: Path) -> None:
    """Put into a controller's data directory what the operator has for it."""
    data.mkdir(exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(controller_files(cluster, unlocking, now=now()))) as tar:
        tar.extractall(data, filter="data")

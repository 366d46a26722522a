"""A cluster of a test, opened by an age identity: a passphrase takes a quarter of a second."""

from datetime import UTC, datetime
from pathlib import Path

from builder.app.clusters.create import NewCluster, create_cluster
from builder.app.clusters.unlock import Unlocking
from builder.fleet.directory import ClusterDirectory
from builder.fleet.endpoints import Endpoint
from builder.trust.age import new_identity, recipient_of

NOW = datetime(2030, 1, 1, tzinfo=UTC)
PASSPHRASE = "correct horse"  # noqa: S105 - of a test


def made(directory: Path, name: str = "mill") -> tuple[ClusterDirectory, Unlocking]:
    """A new cluster below `directory`, and what opens its keys."""
    identity = new_identity()
    file = directory / f"{name}.identity"
    file.write_text(f"# a comment\n{identity}\n")
    wanted = NewCluster(
        name=name,
        endpoints=[Endpoint.parse("mill.example.com"), Endpoint.parse("192.0.2.7:7443")],
        recipient=recipient_of(identity, where="identity"),
    )
    cluster = create_cluster(directory / "clusters", wanted, now=NOW)
    return cluster, Unlocking(passphrase_file=None, identity_file=file, prompt=None)

"""What is known of a cluster without a secret: `cluster.json`, which builder alone writes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from builder.fleet.role import Role

LABEL = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
Label = Annotated[str, StringConstraints(pattern=LABEL)]
FORMAT: Final = 1


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Credential(_Model):
    """A credential that was put on a device: never its key.

    `device` is the maker's serial number of a device that has no other credential than this number.
    """

    serial: str
    made: datetime
    expires: datetime
    device: str | None = None


class NodeRecord(_Model):
    """A node, every credential that it ever was given, and since when those count no longer."""

    role: Role
    added: datetime
    credentials: tuple[Credential, ...] = ()
    revoked: datetime | None = None


class Revoked(_Model):
    """A credential that must not be taken any more."""

    serial: str
    node: str
    revoked: datetime


class Certificates(_Model):
    """Certificates in PEM, by authority: `roots`, among them the one that enrols, and `issuers`."""

    roots: Mapping[str, str]
    issuers: Mapping[str, str]


class Record(_Model):
    """The file. `generation` counts the issuers and names the file of their keys."""

    format: Literal[1] = FORMAT
    name: Label
    created: datetime
    endpoints: Annotated[tuple[str, ...], Field(min_length=1)]
    recipient: str
    has_passphrase: bool
    generation: Annotated[int, Field(ge=1)] = 1
    certificates: Certificates
    # Public keys of minisign, the newest first: devices take what any of them signed.
    upgrades: tuple[str, ...] = ()
    nodes: Mapping[Label, NodeRecord] = {}
    revoked: tuple[Revoked, ...] = ()
    # Whether devices with a fleet's card may ask to be approved.
    fleet: bool = False

    def with_node(self, name: str, node: NodeRecord) -> "Record":
        """The record with `node` in it."""
        return self.model_copy(update={"nodes": {**self.nodes, name: node}})

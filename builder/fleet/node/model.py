"""The model of node.yaml: what each key may be by itself; `judge` knows what must hold between them."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import Field, Strict

from builder.fleet.node.network import Network
from builder.fleet.node.shapes import (
    Authority,
    DevicePath,
    EndpointText,
    FileName,
    Format,
    Host,
    Label,
    LabelKey,
    LabelValue,
    Mode,
    SigningKey,
    SshKey,
)
from builder.fleet.role import Role
from builder.recipe.section import Section, Unique


class Cluster(Section):
    """Whom the device trusts. `builder provision` writes this section."""

    name: Label = Field(description="The cluster's name.")
    authority: Authority = Field(description="Who signs the API server's certificate, in PEM.")
    upgrades: Annotated[tuple[SigningKey, ...], *Unique] = Field(
        default=(), description="Public keys of minisign that sign versions of kedge for the device."
    )


class Effect(StrEnum):
    """Kubernetes' words."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


class Taint(Section):
    """Keeps pods away that do not tolerate it."""

    key: LabelKey = Field(description="Its key.")
    value: LabelValue = Field(default="", description="Its value.")
    effect: Annotated[Effect, Strict(strict=False)] = Field(description="What it does.")


class Clock(Section):
    """Where the time comes from."""

    servers: Annotated[tuple[Host, ...], *Unique] = Field(default=(), description="NTP servers, the first one first.")


class Ssh(Section):
    """Who may log in."""

    keys: Annotated[tuple[SshKey, ...], *Unique] = Field(default=(), description="Public keys of the administrator.")


class ExtraFile(Section):
    """A file that is written to the device."""

    path: DevicePath = Field(description="Where it lies.")
    content: str = Field(max_length=65536, description="What it holds.")
    mode: Mode = Field(default="0644", description="Its mode.")


class NodeConfig(Section):
    """What one device is, where its cluster is, and how it reaches it."""

    format: Format = Field(description="Version of this format.")
    name: Label | None = Field(
        default=None,
        description="The node's name. Without one, and without a credential, the device asks to be approved.",
    )
    role: Annotated[Role, Strict(strict=False)] = Field(description="What the device is.")
    cluster: Cluster | None = Field(default=None, description="The cluster; workers need one.")
    endpoints: Annotated[tuple[EndpointText, ...], *Unique] = Field(
        default=(), description="Where the cluster is reached, `HOST:PORT`; one after the other is tried."
    )
    discovery: bool = Field(
        default=False, description="Whether the cluster is also looked for in the local network (DNS-SD)."
    )
    credential: FileName | None = Field(
        default=None,
        description="The file beside this one that lets the device join: a worker's credential, a controller's keys.",
    )
    config: FileName | None = Field(
        default=None, description="The file beside this one that has a controller's ClusterConfig."
    )
    board: Label | None = Field(
        default=None,
        description="The board that it is, as in `recipes/boards`: its card gets no image of another one.",
    )
    site: Label | None = Field(default=None, description="Where it stands: the label `topology.kubernetes.io/zone`.")
    labels: Mapping[LabelKey, LabelValue] = Field(default={}, description="Labels of the node.")
    taints: tuple[Taint, ...] = Field(default=(), description="Taints of the node, when it joins.")
    profile: Label = Field(default="default", description="The worker profile.")
    network: Network = Field(default=Network(), description="Networks.")
    time: Clock = Field(default=Clock(), description="Time.")
    ssh: Ssh = Field(default=Ssh(), description="Remote login.")
    files: tuple[ExtraFile, ...] = Field(default=(), description="Further files.")

"""A lab as a file describes it: machines, and the networks between them."""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import Field, Strict

from builder.core.generated import COMMAND
from builder.fleet.role import Role
from builder.recipe.section import LocatedPath, Section, Unique
from builder.recipe.shapes import DnsLabel, LineText, SizeText

# Above what services take, below what the kernel gives to connections (net.ipv4.ip_local_port_range begins at 32768).
FIRST_PORT, LAST_PORT = 15_000, 31_000


class NetworkKind(StrEnum):
    """What a machine finds at the other end."""

    NAT = "nat"
    SEGMENT = "segment"


class LabNetwork(Section):
    """A network. Slow and lossy ones are so in each direction; between two machines of a segment lie two such wires."""

    kind: Annotated[NetworkKind, Strict(strict=False)] = Field(
        description=(
            "`nat`: each machine is alone behind a router of its own, has the address 10.0.2.15, and reaches what is outside;"
            " `segment`: its machines share one wire, with fixed addresses, and reach nothing else."
        )
    )
    latency_ms: int = Field(default=0, ge=0, le=60_000, description="How much later everything arrives, milliseconds.")
    rate_kbit: int = Field(
        default=0, ge=0, le=10_000_000, description="How much passes in a second, in kilobits; 0 is no limit."
    )
    loss_percent: float = Field(default=0.0, ge=0, le=100, description="How many of 100 frames are lost.")


class LabMachine(Section):
    """A machine, started with the image of a board; or, with `image`, with any disk, as no node of a cluster."""

    board: DnsLabel | None = Field(default=None, description="The board whose image it starts, such as generic-amd64.")
    image: LocatedPath | None = Field(default=None, description="A disk image of your own, in the place of a board's.")
    machine: DnsLabel | None = Field(
        default=None, description="The kind of machine, of `recipes/machines/`; by default the board's."
    )
    role: Annotated[Role, Strict(strict=False)] | None = Field(
        default=None, description="What it becomes in the lab's cluster; without one its image is started as it is."
    )
    memory: SizeText | None = Field(default=None, description="Memory; by default what its kind of machine has.")
    cores: int = Field(default=0, ge=0, le=64, description="Processors; 0 for what its kind of machine has.")
    disk: SizeText = Field(default="4 GiB", description="Size of its disk, at least.")
    networks: Annotated[tuple[DnsLabel, ...], *Unique] = Field(
        default=(), max_length=8, description="Networks that it is attached to, by name; none for a machine alone."
    )
    site: DnsLabel | None = Field(default=None, description="Where the node stands, as in node.yaml.")
    profile: DnsLabel | None = Field(default=None, description="The node's worker profile, as in node.yaml.")


class Lab(Section):
    """Machines that are started together. Its name is the file's."""

    title: LineText = Field(default="", description="What it is, for people.")
    recipe: LineText = Field(
        default="edge", description="The recipe whose images are started: its name, or the path of its file."
    )
    ports: int = Field(
        default=0,
        ge=0,
        le=LAST_PORT,
        description="The first of 64 ports of 127.0.0.1; 0: they follow from the lab's name, from 15000 on.",
    )
    manifests: tuple[LocatedPath, ...] = Field(
        default=(),
        description="Files with what the cluster shall have: its controller applies them from its first start on.",
    )
    networks: Mapping[DnsLabel, LabNetwork] = Field(default={}, description="Networks, by names of your choice.")
    machines: Mapping[DnsLabel, LabMachine] = Field(
        min_length=1, description="Machines; their names are those of the nodes."
    )


def json_schema() -> str:
    """The JSON Schema of a file that describes a lab, as it is exported."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$comment": f"Generated: {COMMAND}"}
    return json.dumps(schema | Lab.model_json_schema(), indent=2) + "\n"

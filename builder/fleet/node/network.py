"""What node.yaml says of networks."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from builder.fleet.node.shapes import (
    Address,
    Country,
    InterfaceAddress,
    InterfaceName,
    ProxyException,
    ProxyUrl,
    Ssid,
    WifiSecret,
)
from builder.recipe.section import Section, Unique


class Vlan(Section):
    """A tagged network (IEEE 802.1Q) on another interface."""

    number: int = Field(ge=1, le=4094, description="Its number.")
    parent: InterfaceName = Field(description="The interface that carries it.")


class Wifi(Section):
    """A wireless network (WPA2 or WPA3)."""

    ssid: Ssid = Field(description="The network's name.")
    passphrase: WifiSecret | None = Field(
        default=None, description="Its passphrase, or the key of 64 hexadecimal digits; without one it is open."
    )
    country: Country = Field(description="Where the device is, which decides on channels.")


class Interface(Section):
    """How an interface gets its addresses."""

    dhcp: bool = Field(default=True, description="Whether it asks for an address.")
    addresses: Annotated[tuple[InterfaceAddress, ...], *Unique] = Field(
        default=(), description="Addresses that it has in any case, such as `192.0.2.7/24`."
    )
    gateway: Address | None = Field(default=None, description="Where everything else is sent to.")
    nameservers: Annotated[tuple[Address, ...], *Unique] = Field(default=(), description="Name servers.")
    vlan: Vlan | None = Field(default=None, description="For an interface that is a tagged network.")
    wifi: Wifi | None = Field(default=None, description="For a wireless interface.")


class Proxy(Section):
    """How the device reaches what is not in its own network."""

    http: ProxyUrl | None = Field(default=None, description="For http.")
    https: ProxyUrl | None = Field(default=None, description="For https.")
    exclude: Annotated[tuple[ProxyException, ...], *Unique] = Field(
        default=(), description="Hosts, domains and networks that are reached without it."
    )


class Network(Section):
    """Interfaces and a proxy; an interface that is not named asks for an address."""

    interfaces: Mapping[InterfaceName, Interface] = Field(default={}, description="Interfaces, by name.")
    proxy: Proxy | None = Field(default=None, description="A proxy.")

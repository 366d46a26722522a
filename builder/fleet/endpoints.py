"""Where a cluster is reached: hosts and ports."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Self

from builder.core.errors import RecipeError

DEFAULT_PORT = 6443
_MOST_PORT = 65535
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_MOST_HOST = 253
_TEXT = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A host, as a name or an address, and a port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """`HOST`, `HOST:PORT`, `[ADDRESS]:PORT`; `ValueError` says what is wrong."""
        whole = f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text
        match = _TEXT.fullmatch(whole)
        if match is None:
            raise ValueError(
                f"{text!r} must be HOST or HOST:PORT, such as cluster.example.com:6443 or [2001:db8::1]:6443"
            )
        port = int(match["port"] or DEFAULT_PORT)
        if not 0 < port <= _MOST_PORT:
            raise ValueError(f"{text!r}: a port is a number from 1 to {_MOST_PORT}")
        return cls(host=_address(match["six"]) if match["six"] else _host(match["host"]), port=port)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """As clients of Kubernetes take it."""
        return f"https://{self}"


def parse_endpoints(texts: list[str]) -> tuple[Endpoint, ...]:
    """The endpoints that were given on a command line; all that is wrong with them is told at once."""
    found: list[Endpoint] = []
    problems: list[str] = []
    for text in texts:
        try:
            endpoint = Endpoint.parse(text)
        except ValueError as error:
            problems.append(f"--endpoint {error}")
            continue
        if endpoint in found:
            problems.append(f"--endpoint {text!r} is named twice")
        found.append(endpoint)
    if not texts:
        problems.append("--endpoint is missing: where do nodes reach the cluster?")
    if problems:
        raise RecipeError("these endpoints cannot be used", details=problems, hint="--endpoint cluster.example.com")
    return tuple(found)


def _address(text: str) -> str:
    try:
        return str(ipaddress.IPv6Address(text))
    except ValueError:
        raise ValueError(f"{text!r} is no IPv6 address") from None


def _host(text: str) -> str:
    host = text.lower()
    try:
        return str(ipaddress.IPv4Address(host))
    except ValueError:
        pass
    looks_like_address = host.rpartition(".")[2].isdigit()
    if looks_like_address or len(host) > _MOST_HOST or not _HOST.fullmatch(host):
        raise ValueError(f"{text!r} is no host name and no IP address")
    return host

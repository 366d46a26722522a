"""The shapes of text in node.yaml. Patterns keep to what Python's, Go's and ECMAScript's regular expressions read alike."""

import ipaddress
import re
from collections.abc import Callable
from typing import Annotated

from cryptography import x509
from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from builder.fleet.endpoints import Endpoint

FORMAT = 1
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_QUALIFIED = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"

_ENDPOINT = "HOST or HOST:PORT; an IPv6 address with a port stands in brackets"
_ADDRESS = "an IP address, such as 192.0.2.7"
_INTERFACE_ADDRESS = "an address with the length of its network, such as 192.0.2.7/24"
_AUTHORITY = "certificates of authorities, in PEM"


def _refusal(meaning: str) -> PydanticCustomError:
    """A value that is wrong may be a secret at the wrong place, and is not repeated."""
    return PydanticCustomError("node_shape", "must be {meaning}", {"meaning": meaning})


def _matching(pattern: str, meaning: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise _refusal(meaning)
        return value

    return check


def _endpoint(value: str) -> str:
    try:
        Endpoint.parse(value)
    except ValueError:
        raise _refusal(_ENDPOINT) from None
    return value


def _address(value: str) -> str:
    try:
        ipaddress.ip_address(str(value))
    except ValueError:
        raise _refusal(_ADDRESS) from None
    return value


def _interface_address(value: str) -> str:
    try:
        if "/" in value:
            ipaddress.ip_interface(str(value))
            return value
    except ValueError:
        pass
    raise _refusal(_INTERFACE_ADDRESS)


def _authority(value: str) -> str:
    try:
        certificates = x509.load_pem_x509_certificates(value.encode())
    except ValueError:
        certificates = []
    for certificate in certificates:
        try:
            if certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
                continue
        except (x509.ExtensionNotFound, ValueError):
            pass
        certificates = []
    if not certificates:
        raise _refusal(_AUTHORITY)
    return value


def _known_format(value: int) -> int:
    if value != FORMAT:
        raise PydanticCustomError("node_shape", "is not known here: it must be {known}", {"known": FORMAT})
    return value


def _schema(pattern: str, meaning: str) -> WithJsonSchema:
    """The reference tells the comment; editors go by the pattern."""
    return WithJsonSchema({"type": "string", "pattern": pattern, "$comment": meaning})


def _shape(pattern: str, meaning: str) -> tuple[AfterValidator, WithJsonSchema]:
    return AfterValidator(_matching(pattern, meaning)), _schema(f"^(?:{pattern})$", meaning)


Label = Annotated[
    str,
    *_shape(_LABEL, "a DNS label: up to 63 lower-case letters, digits and '-', with a letter or digit at both ends"),
]
FileName = Annotated[
    str, *_shape(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", "the name of a file beside node.yaml, such as credential.pem")
]
EndpointText = Annotated[
    str,
    AfterValidator(_endpoint),
    _schema(r"^[A-Za-z0-9.:\[\]-]+$", _ENDPOINT),
]
Host = Annotated[
    str,
    *_shape(rf"({_LABEL}(\.{_LABEL})*|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)", "a host name or an IP address"),
]
Address = Annotated[str, AfterValidator(_address), _schema(r"^[0-9a-fA-F:.]+$", _ADDRESS)]
InterfaceAddress = Annotated[
    str, AfterValidator(_interface_address), _schema(r"^[0-9a-fA-F:.]+/[0-9]{1,3}$", _INTERFACE_ADDRESS)
]
Authority = Annotated[str, AfterValidator(_authority), _schema(r"^-----BEGIN CERTIFICATE-----[\r\n]", _AUTHORITY)]
LabelKey = Annotated[
    str,
    *_shape(rf"({_LABEL}(\.{_LABEL})*/)?{_QUALIFIED}", "the key of a label, such as example.com/kind"),
]
LabelValue = Annotated[
    str,
    *_shape(rf"({_QUALIFIED})?", "the value of a label: up to 63 letters, digits, '-', '_' and '.'"),
]
# IFNAMSIZ of linux/if.h; what shells and paths take.
InterfaceName = Annotated[str, *_shape(r"[a-z][a-z0-9._-]{0,14}", "the name of a network interface, such as eth0")]
Country = Annotated[str, *_shape(r"[A-Z]{2}", "a country's two letters, such as DE")]
Ssid = Annotated[str, *_shape(r"[ -~]{1,32}", "a network's name: 1 to 32 printable characters")]
ProxyUrl = Annotated[
    str,
    *_shape(r"https?://([!-?A-~]+@)?[A-Za-z0-9.:\[\]-]+/?", "a proxy, such as http://proxy.example.com:3128"),
]
ProxyException = Annotated[
    str, *_shape(r"[A-Za-z0-9.:\[\]/*-]+", "a host, domain or network that is reached without the proxy")
]
SshKey = Annotated[
    str,
    *_shape(
        r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)"
        r" [A-Za-z0-9+/]+={0,3}( [ -~]*)?",
        "a public key as in authorized_keys: ssh-ed25519 AAAA... name",
    ),
]
# minisign: two letters, eight bytes that name the key, and an Ed25519 key.
SigningKey = Annotated[str, *_shape(r"RW[A-Za-z0-9+/]{54}", "a public key of minisign: the last line of its file")]
DevicePath = Annotated[
    str,
    *_shape(
        r"/(etc|var)(/[A-Za-z0-9_@+-][A-Za-z0-9._@+-]*)+",
        "a path below /etc or /var, where a device can be written, such as /etc/motd",
    ),
]
Mode = Annotated[str, *_shape(r"0[0-7]{3}", "a mode in quotes, such as '0644'")]
# IEEE 802.11, section J.4: a passphrase, or the key itself.
WifiSecret = Annotated[
    str,
    *_shape(r"[ -~]{8,63}|[0-9a-fA-F]{64}", "8 to 63 printable characters, or a key of 64 hexadecimal digits"),
]
Format = Annotated[int, AfterValidator(_known_format), WithJsonSchema({"const": FORMAT})]

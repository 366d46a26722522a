"""What update-ca-certificates(8) makes: a link for each certificate, one by the hash of its subject, and the bundle."""

import base64
import hashlib
from collections.abc import Iterator

from builder.rootfs.effects.base import Image

_SOURCE = "usr/share/ca-certificates"
_PLACE = "etc/ssl/certs"
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_SEQUENCE, _SET, _IDENTIFIER, _VERSION = 0x30, 0x31, 0x06, 0xA0
# Text by its tag: UTF8String, PrintableString, T61String, IA5String, VisibleString, BMPString.
_UTF8 = 0x0C
_ENCODINGS = {_UTF8: "utf-8", 0x13: "ascii", 0x14: "latin-1", 0x16: "ascii", 0x1A: "ascii", 0x1E: "utf-16-be"}
# As update-ca-certificates writes file names.
_NAMES = str.maketrans({" ": "_", ",": "_", "(": "=", ")": "="})


def write_certificates(image: Image, header: str) -> None:
    """Trust all certificates that the package ca-certificates has; `header` begins its configuration file."""
    tree = image.tree
    paths = [path for path in tree.below(_SOURCE) if path.endswith(".crt")]
    listed = "".join(f"{path.removeprefix(f'{_SOURCE}/')}\n" for path in paths)
    tree.write("etc/ca-certificates.conf", header + listed)
    tree.make_directory("etc/ca-certificates/update.d")
    tree.make_directory("usr/local/share/ca-certificates")
    hashes: dict[str, list[str]] = {}
    bundle: list[bytes] = []
    named = {path.rpartition("/")[2].removesuffix(".crt").translate(_NAMES) + ".pem": path for path in paths}
    for name, path in sorted(named.items()):
        data = tree.read(path)
        tree.link(f"{_PLACE}/{name}", f"/{path}")
        hashes.setdefault(_subject_hash(data), []).append(name)
    for path in paths:
        data = tree.read(path)
        bundle.append(data if data.endswith(b"\n") else data + b"\n")
    for digest, names in hashes.items():
        for number, name in enumerate(names):
            tree.link(f"{_PLACE}/{digest}.{number}", name)
    tree.write(f"{_PLACE}/ca-certificates.crt", b"".join(bundle))


def _subject_hash(pem: bytes) -> str:
    """The hash by which OpenSSL looks certificates up (X509_NAME_hash(3)): of the subject in its canonical form."""
    canonical = b"".join(_canonical_rdn(rdn) for _, rdn in _values(_subject(pem)))
    digest = hashlib.sha1(canonical, usedforsecurity=False).digest()
    return f"{int.from_bytes(digest[:4], 'little'):08x}"


def _subject(pem: bytes) -> bytes:
    """The subject's relative distinguished names (RFC 5280, 4.1): the fourth field after serial number and version."""
    text = pem.decode().partition(_BEGIN)[2].partition(_END)[0]
    ((_, certificate),) = _values(base64.b64decode(text))
    (_, signed), *_ = _values(certificate)
    fields = [value for tag, value in _values(signed) if tag != _VERSION]
    _, _, _, _, subject, *_ = fields
    return subject


def _canonical_rdn(rdn: bytes) -> bytes:
    return _tagged(_SET, b"".join(sorted(_canonical_attribute(attribute) for _, attribute in _values(rdn))))


def _canonical_attribute(attribute: bytes) -> bytes:
    """Text becomes UTF-8 in lower case (of ASCII alone), spaces at its ends away, several of them one."""
    (_, identifier), (tag, value) = _values(attribute)
    if tag in _ENCODINGS:
        words = value.decode(_ENCODINGS[tag]).split(" ")
        text = " ".join(filter(None, words))
        tag, value = _UTF8, "".join(one.lower() if one.isascii() else one for one in text).encode()
    return _tagged(_SEQUENCE, _tagged(_IDENTIFIER, identifier) + _tagged(tag, value))


def _values(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The values that stand one after the other in `data`, each with its tag (X.690, DER)."""
    position = 0
    while position < len(data):
        tag, size = data[position], data[position + 1]
        position += 2
        if size & 0x80:  # the long form: so many bytes hold the size
            count = size & 0x7F
            size = int.from_bytes(data[position : position + count], "big")
            position += count
        yield tag, data[position : position + size]
        position += size


def _tagged(tag: int, data: bytes) -> bytes:
    """A value in DER; lengths as BER's definite form has them."""
    if len(data) < 0x80:  # noqa: PLR2004 - the short form
        return bytes([tag, len(data)]) + data
    size = len(data).to_bytes((len(data).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + data

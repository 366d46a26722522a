"""What update-ca-certificates(8) makes: a link for each certificate, one by the hash of its subject, and the bundle."""

import hashlib

from cryptography import x509

from builder.rootfs.effects.base import Image

_SOURCE = "usr/share/ca-certificates"
_PLACE = "etc/ssl/certs"
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
    certificate = x509.load_pem_x509_certificate(pem)
    canonical = b"".join(_canonical_rdn(one) for one in certificate.subject.rdns)
    digest = hashlib.sha1(canonical, usedforsecurity=False).digest()
    return f"{int.from_bytes(digest[:4], 'little'):08x}"


def _canonical_rdn(rdn: x509.RelativeDistinguishedName) -> bytes:
    attributes = sorted(_canonical_attribute(one) for one in rdn)
    return _tagged(0x31, b"".join(attributes))


def _canonical_attribute(attribute: x509.NameAttribute[str | bytes]) -> bytes:
    """Text becomes UTF-8 in lower case (of ASCII alone), spaces at its ends away, several of them one."""
    if isinstance(attribute.value, bytes):
        value = _tagged(0x03, attribute.value)
    else:
        text = " ".join(attribute.value.split())
        value = _tagged(0x0C, "".join(one.lower() if one.isascii() else one for one in text).encode())
    return _tagged(0x30, _object_identifier(attribute.oid.dotted_string) + value)


def _object_identifier(dotted: str) -> bytes:
    first, second, *rest = (int(part) for part in dotted.split("."))
    data = bytes([40 * first + second])
    for number in rest:
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(0x80 | (number & 0x7F))
        data += bytes(reversed(groups))
    return _tagged(0x06, data)


def _tagged(tag: int, data: bytes) -> bytes:
    """A value in DER; lengths as BER's definite form has them."""
    if len(data) < 0x80:  # noqa: PLR2004 - the short form
        return bytes([tag, len(data)]) + data
    size = len(data).to_bytes((len(data).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + data

"""A certificate authority for one test run; every certificate is valid for loopback."""

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALIDITY = dt.timedelta(days=1)
CLOCK_SKEW = dt.timedelta(minutes=5)
# The service network's first address belongs to the API server.
ADDRESSES = ("127.0.0.1", "10.96.0.1")
NAMES = ("localhost", "kubernetes")
SERVICE_ACCOUNT_KEY_BITS = 2048

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """Files of a certificate and its key, PEM."""

    certificate: Path
    key: Path


class Authority:
    """Issues certificates into a directory; `certificate` is the file of its own."""

    def __init__(self, directory: Path, name: str = "ca") -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _subject(name, None)
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        built = _builder(self._name, self._name, self._key.public_key()).add_extension(constraints, critical=True)
        self.files = _write(directory, name, built.sign(self._key, hashes.SHA256()), self._key)

    @property
    def certificate(self) -> Path:
        return self.files.certificate

    def issue(self, common_name: str, organization: str | None = None, validity: dt.timedelta = VALIDITY) -> KeyPair:
        """A certificate for server and client use, in files that bear the common name."""
        key = ec.generate_private_key(ec.SECP256R1())
        addresses = [x509.IPAddress(ipaddress.ip_address(address)) for address in ADDRESSES]
        alternatives = x509.SubjectAlternativeName([*addresses, *(x509.DNSName(name) for name in NAMES)])
        usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        built = (
            _builder(_subject(common_name, organization), self._name, key.public_key(), validity)
            .add_extension(alternatives, critical=False)
            .add_extension(usages, critical=False)
        )
        file_name = common_name.replace(":", "-")
        return _write(self._directory, file_name, built.sign(self._key, hashes.SHA256()), key)


def service_account_key(directory: Path) -> Path:
    """The key that signs and checks service account tokens."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=SERVICE_ACCOUNT_KEY_BITS)
    path = directory / "service-account.key"
    _write_key(path, key)
    return path


def _subject(common_name: str, organization: str | None) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization is not None:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(attributes)


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, validity: dt.timedelta = VALIDITY
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + validity)
    )


def _write(directory: Path, name: str, certificate: x509.Certificate, key: PrivateKey) -> KeyPair:
    pair = KeyPair(certificate=directory / f"{name}.crt", key=directory / f"{name}.key")
    pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    _write_key(pair.key, key)
    return pair


def _write_key(path: Path, key: PrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )

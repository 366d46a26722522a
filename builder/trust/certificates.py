"""X.509: authorities, their issuers, and certificates of clients. Keys are elliptic (P-256), as kedge's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from builder.core.errors import BuilderError

# How far another machine's clock may be behind.
_SKEW = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From when on, and how long, a certificate is good."""

    now: datetime
    life: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Whom a certificate lets in: the name and the groups that Kubernetes sees."""

    name: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def parse(cls, certificate: str, key: str, *, where: str) -> Self:
        """Read both out of PEM; `where` names them in errors."""
        try:
            found = x509.load_pem_x509_certificate(certificate.encode())
            private = serialization.load_pem_private_key(key.encode(), password=None)
        except ValueError:
            raise BuilderError(f"{where}: the certificate or its key is damaged") from None
        if not isinstance(private, ec.EllipticCurvePrivateKey) or private.public_key() != found.public_key():
            raise BuilderError(f"{where}: the key is not the certificate's")
        return cls(certificate=found, key=private)

    @property
    def certificate_pem(self) -> str:
        """The certificate alone."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        """The key alone."""
        return key_pem(self.key)


def key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    """In the form of SEC 1: of elliptic keys in PKCS 8 the API server cannot make the public half."""
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


def certificate_of(pem: str) -> x509.Certificate:
    """The first certificate in `pem`."""
    return x509.load_pem_x509_certificate(pem.encode())


def new_key() -> ec.EllipticCurvePrivateKey:
    """A key of the kind that is used everywhere."""
    return ec.generate_private_key(ec.SECP256R1())


def make_authority(name: str, span: Span, *, issuers: bool = False, by: Pair | None = None) -> Pair:
    """An authority called `name`: its own root, or an issuer that `by` signs; `issuers`: it may have some itself."""
    key = new_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = _Signer.of(by) if by else _Signer(name=subject, key=key, ends=span.now + span.life)
    builder = (
        _begun(subject, key, signer, span)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1 if issuers else 0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
    )
    return Pair(certificate=builder.sign(signer.key, hashes.SHA256()), key=key)


def make_client(client: Client, span: Span, *, by: Pair) -> Pair:
    """A certificate with which `client` is let in, and nothing else."""
    key = new_key()
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in client.groups]
    subject = x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, client.name)])
    builder = (
        _begun(subject, key, _Signer.of(by), span)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    )
    return Pair(certificate=builder.sign(by.key, hashes.SHA256()), key=key)


def chain_pem(pairs: Sequence[Pair]) -> str:
    """Certificates one behind the other, the leaf first."""
    return "".join(pair.certificate_pem for pair in pairs)


def public_key_digest(certificate: x509.Certificate) -> str:
    """SHA-256 of the public key, as kubeadm writes it and kedge announces it."""
    encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    digest = hashes.Hash(hashes.SHA256())
    digest.update(certificate.public_key().public_bytes(encoding, form))
    return f"sha256:{digest.finalize().hex()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signer:
    """Who signs a certificate, which ends with it at the latest."""

    name: x509.Name
    key: ec.EllipticCurvePrivateKey
    ends: datetime

    @classmethod
    def of(cls, pair: Pair) -> Self:
        return cls(name=pair.certificate.subject, key=pair.key, ends=pair.certificate.not_valid_after_utc)


def _begun(subject: x509.Name, key: ec.EllipticCurvePrivateKey, by: _Signer, span: Span) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=by.name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(span.now - _SKEW)
        .not_valid_after(min(span.now + span.life, by.ends))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key()), critical=False)
    )


def _usage(*, authority: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )

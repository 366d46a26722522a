"""Certificates that nodes ask a control plane for."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.integration.components.pki import KeyPair
from tests.integration.components.process import wait_for
from tests.integration.controller.controller import Controller

DIGITAL_SIGNATURE, CLIENT, SERVER = "digital signature", "client auth", "server auth"
AGENTS = "kedge.io/konnectivity-agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A certificate that somebody asks for; `lasts_s` 0 leaves its life to the signer."""

    signer: str
    common_name: str
    organization: str = ""
    names: Sequence[x509.GeneralName] = ()
    usages: Sequence[str] = (DIGITAL_SIGNATURE, CLIENT)
    lasts_s: int = 0


def to_be(node: str) -> Wish:
    """The certificate with which a machine is a node."""
    return Wish(
        signer="kubernetes.io/kube-apiserver-client-kubelet",
        common_name=f"system:node:{node}",
        organization="system:nodes",
    )


def to_serve(node: str, *names: x509.GeneralName) -> Wish:
    """The certificate with which a node's kubelet serves."""
    return Wish(
        signer="kubernetes.io/kubelet-serving",
        common_name=f"system:node:{node}",
        organization="system:nodes",
        names=names,
        usages=(DIGITAL_SIGNATURE, SERVER),
    )


def to_connect(node: str) -> Wish:
    """The certificate with which a node's agent opens the tunnel."""
    return Wish(signer=AGENTS, common_name=node)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a request; `certificate` is empty where none was signed."""

    kind: str
    message: str
    certificate: bytes
    key: ec.EllipticCurvePrivateKey

    def write(self, directory: Path, name: str) -> KeyPair:
        """The certificate and its key as files."""
        assert self.certificate, self.message
        pair = KeyPair(certificate=directory / f"{name}.crt", key=directory / f"{name}.key")
        pair.certificate.write_bytes(self.certificate)
        pair.key.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return pair


def as_node(node: str) -> tuple[str, ...]:
    """The arguments with which kubectl asks in the name of a node."""
    return (f"--as=system:node:{node}", "--as-group=system:nodes", "--as-group=system:authenticated")


def ask(controller: Controller, wish: Wish, *identity: str) -> Verdict:
    """Ask as whoever kubectl's arguments say, and wait for the verdict."""
    key = ec.generate_private_key(ec.SECP256R1())
    request = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"generateName": "csr-"},
        "spec": {
            "request": base64.b64encode(_request(wish, key)).decode(),
            "signerName": wish.signer,
            "usages": list(wish.usages),
            **({"expirationSeconds": wish.lasts_s} if wish.lasts_s else {}),
        },
    }
    path = controller.place.directory / "csr.json"
    path.write_text(json.dumps(request))
    made = controller.applied("create", f"--filename={path}", "--output=name", *identity).strip()
    verdicts: list[Verdict] = []

    def decided() -> bool:
        status = json.loads(controller.applied("get", made, "--output=json")).get("status", {})
        certificate = base64.b64decode(status.get("certificate", ""))
        for condition in status.get("conditions", []):
            if condition["type"] != "Approved" or certificate:
                kind, message = condition["type"], condition["message"]
                verdicts.append(Verdict(kind=kind, message=message, certificate=certificate, key=key))
        return bool(verdicts)

    wait_for(controller.daemon, decided, what=f"done with {made}")
    return verdicts[-1]


def _request(wish: Wish, key: ec.EllipticCurvePrivateKey) -> bytes:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, wish.common_name)]
    if wish.organization:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, wish.organization))
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
    if wish.names:
        builder = builder.add_extension(x509.SubjectAlternativeName(wish.names), critical=False)
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


def dns(name: str) -> x509.GeneralName:
    return x509.DNSName(name)


def address(text: str) -> x509.GeneralName:
    return x509.IPAddress(IPv4Address(text))


def is_signed_by(certificate: bytes, authority: Path) -> bool:
    """Whether the authority's key made the certificate's signature."""
    signed, by = x509.load_pem_x509_certificate(certificate), x509.load_pem_x509_certificate(authority.read_bytes())
    signed.verify_directly_issued_by(by)
    return True

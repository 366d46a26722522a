"""What kubelets ask to be signed."""

import base64
import json
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.integration.components.process import wait_for
from tests.integration.controller.controller import Controller


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a request; `certificate` is empty where none was signed."""

    kind: str
    message: str
    certificate: bytes


def ask(controller: Controller, *, node: str, names: list[x509.GeneralName]) -> Verdict:
    """Ask as the node's kubelet for a serving certificate for `names`, and wait for the verdict."""
    request = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"generateName": "csr-"},
        "spec": {
            "request": base64.b64encode(_request(node, names)).decode(),
            "signerName": "kubernetes.io/kubelet-serving",
            "usages": ["digital signature", "server auth"],
        },
    }
    path = controller.place.directory / "csr.json"
    path.write_text(json.dumps(request))
    identity = (f"--as=system:node:{node}", "--as-group=system:nodes", "--as-group=system:authenticated")
    made = controller.applied("create", f"--filename={path}", "--output=name", *identity).strip()
    verdicts: list[Verdict] = []

    def decided() -> bool:
        status = json.loads(controller.applied("get", made, "--output=json")).get("status", {})
        certificate = base64.b64decode(status.get("certificate", ""))
        for condition in status.get("conditions", []):
            if condition["type"] == "Denied" or certificate:
                kind, message = condition["type"], condition["message"]
                verdicts.append(Verdict(kind=kind, message=message, certificate=certificate))
        return bool(verdicts)

    wait_for(controller.daemon, decided, what=f"done with {made}")
    return verdicts[0]


def _request(node: str, names: list[x509.GeneralName]) -> bytes:
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:nodes"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"system:node:{node}"),
        ]
    )
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(ec.generate_private_key(ec.SECP256R1()), SHA256()).public_bytes(Encoding.PEM)


def dns(name: str) -> x509.GeneralName:
    return x509.DNSName(name)


def address(text: str) -> x509.GeneralName:
    return x509.IPAddress(IPv4Address(text))


def is_signed_by(certificate: bytes, authority: Path) -> bool:
    """Whether the authority's key made the certificate's signature."""
    signed, by = x509.load_pem_x509_certificate(certificate), x509.load_pem_x509_certificate(authority.read_bytes())
    signed.verify_directly_issued_by(by)
    return True

"""A cluster whose trust its operator made, and what `builder provision` puts on its workers' cards."""

import base64
import json
import subprocess
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from builder.app.clusters.unlock import Unlocking
from builder.app.provision.compose import Composer
from builder.fleet.directory import ClusterDirectory
from builder.fleet.endpoints import Endpoint
from builder.fleet.kubeconfig import kubeconfig
from builder.fleet.node.read import read_node
from builder.formats.yaml_tree import Source
from builder.trust.certificates import Client, Pair, Span, make_client
from tests.integration.components.process import clean_environment
from tests.integration.trust import now
from tests.integration.worker.lab import NETWORK, Lab

SERVER = f"{NETWORK}.1"
_REFUSAL_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a worker's card has: the files that its first boot makes out of it."""

    credential: Path
    authority: Path

    def arguments(self, *servers: str) -> tuple[str, ...]:
        """What kedge is started with."""
        named = [f"--server={server}" for server in servers or (SERVER,)]
        return (f"--credential-file={self.credential}", f"--authority-file={self.authority}", *named)

    def kubeconfig(self, path: Path) -> Path:
        """A client's file, as a thief would write it."""
        text = self.credential.read_text()
        at = text.index("-----BEGIN EC")
        server = Endpoint.parse(SERVER)
        authority = self.authority.read_text()
        path.write_bytes(kubeconfig("c", server=server, authority=authority, certificate=text[:at], key=text[at:]))
        return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Mill:
    """A running cluster and its operator's directory."""

    lab: Lab
    cluster: ClusterDirectory
    unlocking: Unlocking

    def card(self, node: str, *, after_s: int = 0) -> Card:
        """A card of `node`, provisioned so many seconds later than now."""
        with self.cluster.changing() as record:
            keys = self.cluster.read_keys(record, self.unlocking.identity(self.cluster, record))
            moment = now() + timedelta(seconds=after_s)
            composer = Composer(directory=self.cluster, record=record, keys=keys, now=moment)
            files, changed = composer.compose(node)
            self.cluster.write(record.with_node(node, changed))
        place = self.lab.directory / f"card-{node}-{time.monotonic_ns()}"
        place.mkdir()
        said = read_node(files["node.yaml"], Source(name="node.yaml", base=place))
        assert said.cluster is not None
        card = Card(credential=place / "credential.pem", authority=place / "authority.crt")
        card.credential.write_bytes(files["credential.pem"])
        card.authority.write_text(said.cluster.authority)
        return card

    def expired(self, node: str) -> str:
        """A certificate of `node`, with its key, as it is after an absence of a year."""
        record = self.cluster.read()
        keys = self.cluster.read_keys(record, self.unlocking.identity(self.cluster, record))
        by = Pair.parse(record.certificates.issuers["client-ca"], keys.issuers["client-ca"], where="client-ca")
        span = Span(now=now() - timedelta(days=365), life=timedelta(days=30))
        pair = make_client(Client(name=f"system:node:{node}", groups=("system:nodes",)), span, by=by)
        return pair.certificate_pem + pair.key_pem

    def as_thief(self, card: Card, *arguments: str) -> str:
        """What kubectl says to whoever has nothing but the card."""
        file = card.kubeconfig(self.lab.directory / "thief.conf")
        argv = self.lab.hub.inside(self.lab.kedge, "kubectl", f"--kubeconfig={file}", *arguments)
        done = subprocess.run(
            argv, capture_output=True, text=True, env=clean_environment({}), timeout=_REFUSAL_TIMEOUT_S, check=False
        )
        return done.stdout + done.stderr

    def events(self, node: str, reason: str) -> list[str]:
        """The messages of a node's events, the earliest first."""
        found = self.lab.get("events", f"--field-selector=reason={reason},involvedObject.name={node}")["items"]
        return [one["message"] for one in sorted(found, key=lambda one: str(one["lastTimestamp"]))]

    def binding(self, node: str) -> dict[str, str]:
        data: dict[str, str] = self.lab.get("configmap", "--namespace=kube-system", f"kedge-enrolment-{node}")["data"]
        return data

    def file(self, content: str) -> Path:
        """A file that all machines see."""
        path = self.lab.directory / f"{time.monotonic_ns()}.json"
        path.write_text(content)
        return path

    def decided(self, name: str) -> dict[str, Any]:
        """The status of a request once somebody has decided."""

        def status() -> dict[str, Any]:
            found: dict[str, Any] = self.lab.get("csr", name)["status"]
            return found

        self.lab.wait_for(f"{name} is decided", lambda: bool(status().get("conditions")))
        return status()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A certificate that a thief asks for, and what is said to it; nothing where nobody decides, or the API server refuses."""

    subject: tuple[str, str]
    signer: str
    told: str = ""
    names: tuple[str, ...] = ()
    usages: tuple[str, ...] = ("client auth",)

    def request(self) -> bytes:
        """The request itself, by a key of the thief's."""
        common_name, organization = self.subject
        attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization else []
        subject = x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
        if self.names:
            names = [x509.DNSName(name) for name in self.names]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(ec.generate_private_key(ec.SECP256R1()), SHA256()).public_bytes(Encoding.PEM)

    def document(self, name: str, shown: Card) -> str:
        """The request as the API server takes it, which shows the credential of a card."""
        text = shown.credential.read_text()
        annotations = {
            "kedge.io/credential": text[: text.index("-----BEGIN EC")],
            "kedge.io/machine-id": "thief",
        }
        request = base64.b64encode(self.request()).decode()
        return json.dumps(
            {
                "apiVersion": "certificates.k8s.io/v1",
                "kind": "CertificateSigningRequest",
                "metadata": {"name": name, "annotations": annotations},
                "spec": {"request": request, "signerName": self.signer, "usages": list(self.usages)},
            }
        )

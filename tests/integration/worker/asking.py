"""Devices with a fleet's card: kedge that asks to be approved, and strangers who ask by hand."""

import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from builder.app.clusters.unlock import Unlocking
from builder.fleet.authorities import API
from builder.fleet.directory import ClusterDirectory
from tests.integration.components.process import clean_environment
from tests.integration.worker.enrolling import SERVER
from tests.integration.worker.lab import Lab, Node
from tests.integration.worker.machine import Machine

_TIMEOUT_S = 60
_PATIENCE_S = 20
# A machine with a maker's number: sysfs has no place where one could be made.
_SERIAL = """\
mkdir -p /run/class && cp -a /sys/class/. /run/class/ 2>/dev/null || true
mkdir -p /run/class/dmi/id && printf '%s\\n' "$0" > /run/class/dmi/id/product_serial
mount --bind /run/class /sys/class
"""
Subject = tuple[str, str]


def node_subject(name: str) -> Subject:
    """The subject of a node's certificate."""
    return f"system:node:{name}", "system:nodes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """Somebody who has read a fleet's card, and says what they like."""

    machine_id: str = "5" * 32
    serial: str = ""
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def fingerprint(self) -> str:
        digest = Hash(SHA256())
        digest.update(self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
        return f"SHA256:{digest.finalize().hex()}"

    def body(self, subject: Subject | None = None, names: Sequence[str] = ()) -> str:
        """What is sent to the controller: without a subject how things stand, with one for a certificate."""
        attributes = []
        if subject:
            attributes = [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, subject[1]),
                x509.NameAttribute(NameOID.COMMON_NAME, subject[0]),
            ]
        request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
        if names:
            alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
            request = request.add_extension(alternative, critical=False)
        pem = request.sign(self.key, SHA256()).public_bytes(Encoding.PEM).decode()
        return json.dumps({"request": pem, "machineID": self.machine_id, "serialNumber": self.serial})


@dataclass(frozen=True, slots=True, kw_only=True)
class Device(Node):
    """A worker that the controller names."""

    def _argv(self, more: Sequence[str]) -> list[str]:
        return self.machine.inside(self.kedge, "worker", *self.arguments, *more)

    def problem(self) -> str:
        """What the device waits for, as `kedge status` tells it."""
        parts = self.status().get("components", [])
        return next((str(one.get("problem", "")) for one in parts if one["name"] == "join"), "")

    def told(self) -> dict[str, Any]:
        """What the device shows to people."""
        found: dict[str, Any] = json.loads(self.machine.run("cat", "/run/kedge/enrolment.json"))
        return found

    def fingerprint(self) -> str:
        return str(self.told()["fingerprint"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """A running cluster that lets devices ask, and its operator's directory."""

    lab: Lab
    cluster: ClusterDirectory
    unlocking: Unlocking

    @property
    def authority(self) -> Path:
        """Whom the card says to trust; it says nothing else that matters."""
        path = self.lab.directory / "authority.crt"
        path.write_text(self.cluster.read().certificates.roots[API])
        return path

    def device(self, index: int) -> Device:
        node = self.lab.node(index, f"--authority-file={self.authority}", f"--server={SERVER}")
        return Device(machine=node.machine, kedge=node.kedge, arguments=node.arguments)

    def kedge(self, *arguments: str) -> str:
        """What kedge says on the controller; it must succeed."""
        return self.lab.hub.run(self.lab.kedge, *arguments)

    def kedge_refuses(self, *arguments: str) -> str:
        """What kedge says on the controller where it refuses."""
        argv = self.lab.hub.inside(self.lab.kedge, *arguments)
        done = subprocess.run(
            argv, capture_output=True, text=True, env=clean_environment({}), timeout=_TIMEOUT_S, check=False
        )
        assert done.returncode in (1, 2), done.stdout
        return done.stderr

    def listed(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.kedge("node", "list", "-o", "json"))
        return found

    def of(self, fingerprint: str) -> dict[str, Any]:
        """What the controller's list has of a device; empty where it has none."""
        return next((one for one in self.listed() if one["fingerprint"] == fingerprint), {})

    def ask(self, machine: Machine, *bodies: str, path: str = "/v1/enrolment") -> list[tuple[int, dict[str, Any]]]:
        """What the controller answers to these questions, asked all at once: codes and bodies.

        A single one is asked again, as devices do, while there are too many of its address.
        """
        answers = self._ask(machine, *bodies, path=path)
        for _ in range(_PATIENCE_S):
            if len(bodies) > 1 or answers[0][0] != HTTPStatus.TOO_MANY_REQUESTS:
                break
            time.sleep(1)
            answers = self._ask(machine, *bodies, path=path)
        return answers

    def _ask(self, machine: Machine, *bodies: str, path: str) -> list[tuple[int, dict[str, Any]]]:
        place = self.lab.directory / f"ask-{time.monotonic_ns()}"
        place.mkdir()
        lines = []
        for number, body in enumerate(bodies):
            (place / f"{number}.json").write_text(body)
            lines += [
                "next" if number else "",
                f'url = "https://{SERVER}:9443{path}"',
                f'data = "@{place}/{number}.json"',
                f'output = "{place}/{number}.answer"',
                f'cacert = "{self.authority}"',
                f'write-out = "{number} %{{http_code}}\\n"',
                "silent",
                "max-time = 30",
            ]
        (place / "config").write_text("\n".join(lines))
        argv = machine.inside("curl", "--parallel", "--parallel-immediate", "--config", place / "config")
        done = subprocess.run(
            argv, capture_output=True, text=True, env=clean_environment({}), timeout=_TIMEOUT_S, check=False
        )
        codes = {int(number): int(code) for number, code in (line.split() for line in done.stdout.splitlines())}
        return [(codes[number], _read(place / f"{number}.answer")) for number in range(len(bodies))]

    def states(self, machine: Machine, *bodies: str) -> list[str]:
        """The states that the controller answers with; a code where it answers with none."""
        return [str(answer.get("state") or code) for code, answer in self.ask(machine, *bodies)]

    def kubectl_says(self, *arguments: str) -> str:
        """What kubectl says to the administrator, who may meet a server that just starts."""
        kubeconfig = f"--kubeconfig={self.lab.hub.data}/pki/admin.conf"
        argv = self.lab.hub.inside(self.lab.kedge, "kubectl", kubeconfig, "--request-timeout=5s", *arguments)
        done = subprocess.run(
            argv, capture_output=True, text=True, env=clean_environment({}), timeout=_TIMEOUT_S, check=False
        )
        return done.stdout if done.returncode == 0 else f"{arguments} failed, so nothing can be said of field-7"

    def events(self, node: str, reason: str) -> list[str]:
        """The messages of a node's events."""
        found = self.lab.get("events", f"--field-selector=reason={reason},involvedObject.name={node}")["items"]
        return [str(one["message"]) for one in found]

    def log(self) -> str:
        return self.lab.controller.log.read_text()


def give_serial(machine: Machine, serial: str) -> None:
    """Have the machine tell a maker's serial number."""
    machine.run("sh", "-ec", _SERIAL, serial)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}

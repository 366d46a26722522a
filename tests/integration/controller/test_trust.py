"""A controller that starts from what `builder cluster init` made: no authority's own key is on it."""

import base64
import io
import socket
import ssl
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from builder.app.clusters.access import admin_kubeconfig, controller_files
from builder.app.clusters.rotate import rotate
from builder.app.clusters.rotated import Rotated
from builder.app.clusters.unlock import Unlocking
from builder.fleet.authorities import API, AUTHORITIES, ENROLMENT
from builder.fleet.credential import GROUP, USER_PREFIX, make_enrolment
from builder.fleet.directory import ClusterDirectory
from builder.fleet.endpoints import Endpoint
from builder.fleet.kubeconfig import kubeconfig
from builder.trust.certificates import Pair, certificate_of
from tests.integration.components.invoke import Result, invoke
from tests.integration.controller.controller import Controller, Place, place, running_controller
from tests.integration.controller.requests import as_node, ask, dns, to_be, to_serve
from tests.integration.trust import lay_out, make_trust, now

NAME = "mill.example.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mill:
    """A cluster as its operator keeps it, and its controller."""

    directory: ClusterDirectory
    unlocking: Unlocking
    place: Place

    def lay_out(self) -> None:
        """Put on the controller what the operator has for it."""
        lay_out(self.directory, self.unlocking, self.place.data)

    def administrator(self, path: Path) -> Path:
        """A kubeconfig of the administrator."""
        path.write_bytes(admin_kubeconfig(self.directory, self.unlocking, timedelta(days=1), now=now()))
        return path

    def root(self, authority: str) -> str:
        return self.directory.read().certificates.roots[authority]

    def ask(self, file: Path, *arguments: str) -> Result:
        """kubectl as from elsewhere: by the cluster's name, which leads here in this test."""
        flags = (
            f"--kubeconfig={file}",
            f"--server=https://127.0.0.1:{self.place.api_port}",
            f"--tls-server-name={NAME}",
        )
        return invoke(self.place.kedge, "kubectl", *flags, *arguments, directory=self.place.directory)

    def who(self, file: Path) -> str:
        return self.ask(
            file, "auth", "whoami", "-o", "jsonpath={.status.userInfo.username} {.status.userInfo.groups}"
        ).stdout


def make_mill(kedge: Path, directory: Path) -> Mill:
    where = place(kedge, directory, api={"externalAddress": NAME, "sans": [NAME]})
    made, unlocking = make_trust(directory, Endpoint(host=NAME, port=where.api_port))
    return Mill(directory=made, unlocking=unlocking, place=where)


@pytest.fixture(scope="module")
def mill(kedge: Path, tmp_path_factory: pytest.TempPathFactory) -> Mill:
    made = make_mill(kedge, tmp_path_factory.mktemp("f"))
    made.lay_out()
    return made


@pytest.fixture(scope="module")
def running(mill: Mill) -> Iterator[Controller]:
    with running_controller(mill.place) as controller:
        yield controller


def test_everything_that_was_made_is_used(mill: Mill, running: Controller) -> None:
    assert running.is_ready()
    pki = mill.place.data / "pki"
    archive = controller_files(mill.directory, mill.unlocking, now=now())
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        members = [member for member in tar if member.isreg() and member.name.startswith("pki/")]
        for member in members:
            content = tar.extractfile(member)
            assert content is not None
            assert (mill.place.data / member.name).read_bytes() == content.read(), member.name
    # Beside the authorities: keys of service accounts and of encryption, and what is known of revocations and of a fleet.
    assert len(members) == 3 * len(AUTHORITIES) + 5
    assert not [name for name in AUTHORITIES if (pki / f"{name}.key").exists()]
    assert "making a certificate authority" not in running.daemon.log.read_text()


def test_the_administrator_is_let_in(mill: Mill, running: Controller, tmp_path: Path) -> None:
    file = mill.administrator(tmp_path / "admin")
    assert mill.who(file) == 'kubernetes-admin ["system:masters","system:authenticated"]'
    assert mill.ask(file, "create", "secret", "generic", "marked", "--from-literal=a=marked-secret").code == 0
    assert b"marked-secret" not in (mill.place.data / "db" / "state.db").read_bytes()
    assert running.applied("get", "secret", "marked", "-o", "name") == "secret/marked\n"


@pytest.mark.parametrize("port", ["api_port", "agent_port"])
def test_who_has_the_root_alone_trusts_the_servers(mill: Mill, running: Controller, port: str) -> None:
    assert running.is_ready()
    # OpenSSL, which takes no issuer for a root.
    trusting = ssl.create_default_context(cadata=mill.root(API))
    trusting.verify_flags &= ~ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    address = ("127.0.0.1", getattr(mill.place, port))
    with socket.create_connection(address) as plain, trusting.wrap_socket(plain, server_hostname=NAME) as served:
        assert served.version() in {"TLSv1.2", "TLSv1.3"}
    other = ssl.create_default_context(cadata=mill.root(ENROLMENT))
    with socket.create_connection(address) as plain, pytest.raises(ssl.SSLCertVerificationError):
        other.wrap_socket(plain, server_hostname=NAME)
    with socket.create_connection(address) as plain, pytest.raises(ssl.SSLCertVerificationError, match="ostname"):
        trusting.wrap_socket(plain, server_hostname="other.example.com")


def test_nodes_get_certificates_that_are_accepted(mill: Mill, running: Controller, tmp_path: Path) -> None:
    verdict = ask(running, to_serve("edge-1", dns("edge-1")), *as_node("edge-1"))
    issuer = certificate_of(mill.directory.read().certificates.issuers["kubelet-serving-ca"])
    x509.load_pem_x509_certificate(verdict.certificate).verify_directly_issued_by(issuer)
    verdict = ask(running, to_be("edge-1"), *as_node("edge-1"))
    file = tmp_path / "node"
    key = verdict.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    file.write_bytes(
        kubeconfig(
            "node",
            server=Endpoint(host=NAME, port=1),
            authority=mill.root(API),
            certificate=verdict.certificate.decode(),
            key=key,
        )
    )
    assert mill.who(file) == 'system:node:edge-1 ["system:nodes","system:authenticated"]'


def test_a_credential_is_known_and_may_do_nothing_by_itself(mill: Mill, running: Controller, tmp_path: Path) -> None:
    assert running.is_ready()
    record = mill.directory.read()
    keys = mill.directory.read_keys(record, mill.unlocking.identity(mill.directory, record))
    by = Pair.parse(record.certificates.roots[ENROLMENT], keys.enrolment, where=ENROLMENT)
    text = make_enrolment("barn-1", by=by, now=now()).pem
    certificate, key = text[: text.index("-----BEGIN EC")], text[text.index("-----BEGIN EC") :]
    file = tmp_path / "credential"
    server = Endpoint(host=NAME, port=1)
    file.write_bytes(kubeconfig("c", server=server, authority=mill.root(API), certificate=certificate, key=key))
    assert mill.who(file) == f'{USER_PREFIX}barn-1 ["{GROUP}","system:authenticated"]'
    for what in (("get", "nodes"), ("get", "secrets"), ("get", "configmaps", "--namespace=kube-system")):
        assert "forbidden" in mill.ask(file, *what).stderr.lower(), what


def test_other_issuers_shut_out_the_old_ones(kedge: Path, tmp_path: Path) -> None:
    mill = make_mill(kedge, tmp_path)
    mill.lay_out()
    old = mill.administrator(tmp_path / "old")
    with running_controller(mill.place):
        assert mill.who(old).startswith("kubernetes-admin")
        assert mill.ask(old, "create", "secret", "generic", "earlier", "--from-literal=a=stored-before").code == 0
    rotate(mill.directory, [Rotated.ISSUERS, Rotated.ENCRYPTION], mill.unlocking, now=now())
    mill.lay_out()
    new = mill.administrator(tmp_path / "new")
    with running_controller(mill.place) as controller:
        assert mill.who(new).startswith("kubernetes-admin")
        assert "You must be logged in" in mill.ask(old, "get", "nodes").stderr
        # The key that it was stored with is the second one now.
        stored = controller.applied("get", "secret", "earlier", "--output=jsonpath={.data.a}")
        assert base64.b64decode(stored) == b"stored-before"

"""`builder cluster init`: all that a cluster's trust stands on, before any node exists."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from builder.core.errors import BuilderError, RecipeError
from builder.fleet.authorities import AUTHORITIES, ENROLMENT, make_issuers, make_roots
from builder.fleet.directory import DIRECTORY_MODE, ClusterDirectory, make_directory
from builder.fleet.endpoints import Endpoint
from builder.fleet.record import LABEL, Certificates, Record
from builder.fleet.secret_keys import Keys, RootKeys
from builder.io.files import remove_tree, sync_directory
from builder.io.locks import locked_directory
from builder.trust.age import check_recipient, encrypt_with_passphrase, new_identity, recipient_of
from builder.trust.certificates import Pair
from builder.trust.minisign import SecretKey


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCluster:
    """What a cluster is called, where it is reached, and for whom its keys are encrypted.

    `recipient` is an age public key of the operator's; where it is empty, `passphrase` protects a new one.
    """

    name: str
    endpoints: Sequence[Endpoint]
    recipient: str = ""
    passphrase: str = ""


def check_name(name: str, what: str) -> None:
    """Raise where `name` is no DNS label."""
    if not re.fullmatch(LABEL, name):
        raise RecipeError(
            f"{name!r} cannot be the name of a {what}",
            hint="up to 63 lower-case letters, digits and '-', with a letter or digit at both ends",
        )


def check_new(clusters: Path, name: str, recipient: str) -> None:
    """Raise where `init` would be refused; nothing was asked of anybody yet."""
    check_name(name, "cluster")
    if recipient:
        check_recipient(recipient)
    if (clusters / name).exists():
        raise RecipeError(
            f"{clusters / name} is there already", hint="a cluster's trust is made once; remove it only with its nodes"
        )


def create_cluster(clusters: Path, wanted: NewCluster, *, now: datetime) -> ClusterDirectory:
    """Make the directory of a cluster: complete, or not at all. What an init that was cut off has left is removed."""
    check_new(clusters, wanted.name, wanted.recipient)
    final, fresh = clusters / wanted.name, clusters / f".{wanted.name}.new"
    try:
        clusters.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
        with locked_directory(clusters):
            check_new(clusters, wanted.name, wanted.recipient)
            try:
                remove_tree(fresh)
                _fill(make_directory(fresh), wanted, now)
                fresh.rename(final)
                sync_directory(clusters)
            finally:
                remove_tree(fresh)
    except OSError as error:
        raise BuilderError(f"{final} cannot be made: {error.strerror}", hint="nothing was left behind") from None
    return ClusterDirectory(path=final)


def _fill(directory: ClusterDirectory, wanted: NewCluster, now: datetime) -> None:
    recipient = wanted.recipient
    if not recipient:
        identity = new_identity()
        recipient = recipient_of(identity, where="the new identity")
        directory.write_file(directory.identity.name, encrypt_with_passphrase(identity.encode(), wanted.passphrase))
    roots = make_roots(wanted.name, now)
    issuers = make_issuers(wanted.name, roots, generation=1, now=now)
    directory.write_roots(RootKeys(keys={name: roots[name].key_pem for name in AUTHORITIES}), recipient)
    keys = Keys.make(issuers, roots[ENROLMENT])
    directory.write_keys(keys, recipient, generation=1)
    directory.write_file(directory.config.name, _config(wanted).encode())
    directory.write(
        Record(
            name=wanted.name,
            created=now,
            endpoints=tuple(map(str, wanted.endpoints)),
            recipient=recipient,
            has_passphrase=not wanted.recipient,
            certificates=Certificates(roots=_certificates(roots), issuers=_certificates(issuers)),
            upgrades=(SecretKey.load(keys.upgrades).public.line,),
        )
    )


def _certificates(pairs: dict[str, Pair]) -> dict[str, str]:
    return {name: pair.certificate_pem for name, pair in pairs.items()}


def _config(wanted: NewCluster) -> str:
    """A ClusterConfig; hosts are quoted, since some addresses would be something else to YAML."""
    first = wanted.endpoints[0]
    hosts = list(dict.fromkeys(endpoint.host for endpoint in wanted.endpoints))
    return f"""# What the controllers of {wanted.name} run with; docs/reference/clusterconfig.md explains all fields.
apiVersion: kedge/v1
kind: ClusterConfig
metadata:
  name: "{wanted.name}"
spec:
  api:
    externalAddress: "{first.host}"
    port: {first.port}
    sans: [{", ".join(f'"{host}"' for host in hosts)}]
"""

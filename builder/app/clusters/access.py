"""What is taken out of a cluster's directory: kubeconfigs, and the files with which a controller begins."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from builder.app.clusters.unlock import Unlocking
from builder.app.provision.node_text import NodeTexts
from builder.app.signing import sign_with
from builder.core.errors import BuilderError, RecipeError
from builder.fleet.authorities import API, CLIENTS
from builder.fleet.controller_files import controller_archive
from builder.fleet.directory import ClusterDirectory
from builder.fleet.endpoints import Endpoint
from builder.fleet.kubeconfig import kubeconfig
from builder.trust.certificates import Client, Pair, Span, chain_pem, make_client
from builder.trust.minisign import SecretKey

# As kedge's own administrator: may do everything.
ADMINISTRATOR = Client(name="kubernetes-admin", groups=("system:masters",))


def admin_kubeconfig(
    directory: ClusterDirectory, unlocking: Unlocking, life: timedelta, *, now: datetime, server: Endpoint | None = None
) -> bytes:
    """A kubeconfig of the administrator, with a key of its own, that is good for `life`.

    `server` is where it reaches the cluster; by default the first of its endpoints.
    """
    record = directory.read()
    keys = directory.read_keys(record, unlocking.identity(directory, record))
    certificates = record.certificates
    issuer = Pair.parse(certificates.issuers[CLIENTS], keys.issuers[CLIENTS], where=f"the issuer of {CLIENTS}")
    pair = make_client(ADMINISTRATOR, Span(now=now, life=life), by=issuer)
    return kubeconfig(
        ADMINISTRATOR.name,
        server=server or Endpoint.parse(record.endpoints[0]),
        authority=certificates.roots[API],
        certificate=chain_pem([pair, issuer]),
        key=pair.key_pem,
    )


def sign_upgrades(
    directory: ClusterDirectory, unlocking: Unlocking, files: Sequence[Path], *, now: datetime
) -> list[Path]:
    """Sign versions of kedge for the devices of a cluster; the signatures, each beside its file."""
    record = directory.read()
    for file in files:
        if not file.is_file():
            raise RecipeError(f"{file} is no file", hint="'builder make' writes kedge to out/RECIPE/ARCH/kedge")
    keys = directory.read_keys(record, unlocking.identity(directory, record))
    if not keys.upgrades:
        raise RecipeError(
            f"the cluster {record.name} has no key that signs upgrades",
            hint=f"'builder cluster rotate {record.name} --what upgrades' makes one",
        )
    secret = SecretKey.load(keys.upgrades)
    return [sign_with(secret, file, now_s=int(now.timestamp())) for file in files]


def controller_files(directory: ClusterDirectory, unlocking: Unlocking, *, now: datetime) -> bytes:
    """An archive of what a controller has below its data directory when it begins."""
    record = directory.read()
    try:
        config = directory.config.read_bytes()
    except OSError as error:
        raise BuilderError(f"{directory.config} cannot be read: {error.strerror}") from None
    fleet = NodeTexts(directory=directory, record=record).fleet_list()
    keys = directory.read_keys(record, unlocking.identity(directory, record))
    return controller_archive(record, keys, config, fleet=fleet, now=now)

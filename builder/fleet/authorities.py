"""The authorities of a cluster: the names by which kedge knows their files, and how long what is made of them lasts."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from builder.trust.certificates import Pair, Span, make_authority

# cluster/internal/pki: each has one purpose, so that no certificate is good for a second one.
API: Final = "ca"
CLIENTS: Final = "client-ca"
AUTHORITIES: Final = (API, CLIENTS, "kubelet-serving-ca", "konnectivity-ca", "front-proxy-ca", "etcd/ca")
# Its key stays with the operator: what it signs is only good for asking for certificates.
ENROLMENT: Final = "enrol-ca"

_YEAR = timedelta(days=365)
# Credentials of ten years must be possible for as long as devices are added.
ROOT_LIFE: Final = 30 * _YEAR
ISSUER_LIFE: Final = 10 * _YEAR


def make_roots(cluster: str, now: datetime) -> dict[str, Pair]:
    """The authorities, whose keys no controller ever has, and the one that enrols."""
    span = Span(now=now, life=ROOT_LIFE)
    roots = {name: make_authority(f"{cluster} {name}", span, issuers=True) for name in AUTHORITIES}
    return {**roots, ENROLMENT: make_authority(f"{cluster} {ENROLMENT}", span)}


def make_issuers(cluster: str, roots: Mapping[str, Pair], *, generation: int, now: datetime) -> dict[str, Pair]:
    """What signs on controllers, of a `generation` that is counted from 1."""
    span = Span(now=now, life=ISSUER_LIFE)
    return {name: make_authority(f"{cluster} {name} issuer {generation}", span, by=roots[name]) for name in AUTHORITIES}

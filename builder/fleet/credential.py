"""What lies on a worker's card: a certificate that can only ask for certificates of exactly its node, and its key."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from builder.fleet.record import Credential
from builder.trust.certificates import Client, Pair, Span, make_client

# docs/adr/0024: what Kubernetes sees.
USER_PREFIX = "kedge:enrol:"
GROUP = "kedge:enrolling"
LIFE = timedelta(days=3650)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """A credential with its key, in PEM, and what is kept of it."""

    pem: str
    record: Credential


def make_enrolment(node: str, *, by: Pair, now: datetime) -> Enrolment:
    """A credential of `node` that the enrolling authority `by` signs."""
    client = Client(name=f"{USER_PREFIX}{node}", groups=(GROUP,))
    pair = make_client(client, Span(now=now, life=LIFE), by=by)
    found = pair.certificate
    record = Credential(serial=f"{found.serial_number:x}", made=now, expires=found.not_valid_after_utc)
    return Enrolment(pem=pair.certificate_pem + pair.key_pem, record=record)

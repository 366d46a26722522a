"""A cluster in a few lines."""

from collections.abc import Sequence

from builder.fleet.authorities import API
from builder.fleet.record import NodeRecord, Record
from builder.trust.certificates import certificate_of, public_key_digest


def described(record: Record) -> tuple[Sequence[tuple[str, str]], Sequence[tuple[str, str, str, str]]]:
    """Facts of the cluster as names and values, and a row for each node: name, role, end of its credential, state."""
    authority = certificate_of(record.certificates.roots[API])
    issuer = certificate_of(record.certificates.issuers[API])
    facts = [
        ("cluster", record.name),
        ("endpoints", ", ".join(record.endpoints)),
        ("authority", f"{public_key_digest(authority)}, until {authority.not_valid_after_utc:%Y-%m-%d}"),
        ("issuers", f"generation {record.generation}, until {issuer.not_valid_after_utc:%Y-%m-%d}"),
        ("keys", "under a passphrase" if record.has_passphrase else f"for {record.recipient}"),
        ("devices without a credential", "may ask to be approved" if record.fleet else "are not listened to"),
        ("revoked credentials", str(len(record.revoked))),
    ]
    rows = [(name, node.role.value, _until(node), _state(node)) for name, node in sorted(record.nodes.items())]
    return facts, rows


def _until(node: NodeRecord) -> str:
    return f"{node.credentials[-1].expires:%Y-%m-%d}" if node.credentials else ""


def _state(node: NodeRecord) -> str:
    if node.revoked:
        return f"revoked {node.revoked:%Y-%m-%d}"
    if not node.credentials:
        return "added"
    device = node.credentials[-1].device
    return f"expected: serial number {device}" if device else "provisioned"

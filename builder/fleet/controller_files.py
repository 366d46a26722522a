"""The files with which a controller begins, below its data directory: an archive that is the cluster."""

import io
import json
import tarfile
from collections.abc import Mapping
from datetime import datetime

from builder.fleet.authorities import AUTHORITIES, ENROLMENT
from builder.fleet.record import Record
from builder.fleet.secret_keys import Keys

_PRIVATE, _PUBLIC = 0o600, 0o644


def controller_archive(record: Record, keys: Keys, config: bytes, *, fleet: bytes, now: datetime) -> bytes:
    """A tar archive of `pki/` (cluster/internal/layout) and `kedge.yaml`, the ClusterConfig in `config`.

    `fleet` says which devices may ask (`fleet_list`).
    """
    files = {f"pki/{path}": content for path, content in _pki(record, keys).items()}
    files["pki/fleet.json"] = (fleet, _PRIVATE)
    files["kedge.yaml"] = (config, _PRIVATE)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for directory in ("pki", "pki/etcd"):
            archive.addfile(_entry(directory, tarfile.DIRTYPE, 0o755, now))
        for path, (content, mode) in sorted(files.items()):
            entry = _entry(path, tarfile.REGTYPE, mode, now)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def revocations(record: Record) -> bytes:
    """The credentials that controllers must not take any more."""
    document = {"format": 1, "credentials": [one.model_dump(mode="json") for one in record.revoked]}
    return f"{json.dumps(document, indent=1)}\n".encode()


def _pki(record: Record, keys: Keys) -> Mapping[str, tuple[bytes, int]]:
    roots, issuers = record.certificates.roots, record.certificates.issuers
    files = {
        "sa.key": (keys.service_accounts.encode(), _PRIVATE),
        "encryption.json": (keys.encryption_json(), _PRIVATE),
        "revoked.json": (revocations(record), _PUBLIC),
        f"{ENROLMENT}.crt": (roots[ENROLMENT].encode(), _PUBLIC),
    }
    for name in AUTHORITIES:
        files[f"{name}.crt"] = (roots[name].encode(), _PUBLIC)
        files[f"{name}-issuer.crt"] = (issuers[name].encode(), _PUBLIC)
        files[f"{name}-issuer.key"] = (keys.issuers[name].encode(), _PRIVATE)
    return files


def _entry(path: str, kind: bytes, mode: int, now: datetime) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.type, entry.mode, entry.mtime = kind, mode, int(now.timestamp())
    return entry

"""`builder cluster rotate`: other keys for the controllers of a cluster, under the same roots."""

from collections.abc import Collection
from datetime import datetime

from builder.app.clusters.rotated import Rotated
from builder.app.clusters.unlock import Unlocking
from builder.fleet.authorities import AUTHORITIES, make_issuers
from builder.fleet.directory import ClusterDirectory
from builder.fleet.record import Certificates, Record
from builder.fleet.secret_keys import Keys, RootKeys, new_encryption_key
from builder.trust.certificates import Pair, key_pem, new_key
from builder.trust.minisign import SecretKey


def rotate(directory: ClusterDirectory, what: Collection[Rotated], unlocking: Unlocking, *, now: datetime) -> Record:
    """Make `what` anew. Replacing the record is the moment of change; before it nothing of the old is touched."""
    with directory.changing() as record:
        identity = unlocking.identity(directory, record)
        keys = directory.read_keys(record, identity)
        generation = record.generation + 1
        certificates = record.certificates
        if Rotated.ISSUERS in what:
            issuers = make_issuers(
                record.name, _roots(record, directory.read_roots(identity)), generation=generation, now=now
            )
            told = {name: pair.certificate_pem for name, pair in issuers.items()}
            certificates = Certificates(roots=certificates.roots, issuers=told)
            keys = keys.model_copy(update={"issuers": {name: pair.key_pem for name, pair in issuers.items()}})
        keys = _others(keys, what)
        upgrades = record.upgrades
        if Rotated.UPGRADES in what:
            signing = SecretKey.make()
            keys = keys.model_copy(update={"upgrades": signing.dump()})
            # Devices that know the one before alone are to be given the new one first.
            upgrades = (signing.public.line, *upgrades[:1])
        directory.write_keys(keys, record.recipient, generation=generation)
        changed = record.model_copy(
            update={"generation": generation, "certificates": certificates, "upgrades": upgrades}
        )
        directory.write(changed)
        directory.forget_other_keys(generation=generation)
    return changed


def _roots(record: Record, keys: RootKeys) -> dict[str, Pair]:
    roots = record.certificates.roots
    return {name: Pair.parse(roots[name], keys.keys[name], where=f"authority {name}") for name in AUTHORITIES}


def _others(keys: Keys, what: Collection[Rotated]) -> Keys:
    changes: dict[str, object] = {}
    if Rotated.SERVICE_ACCOUNTS in what:
        changes["service_accounts"] = key_pem(new_key())
    if Rotated.ENCRYPTION in what:
        # What is stored was encrypted with the older ones.
        changes["encryption"] = (new_encryption_key(), *keys.encryption)
    return keys.model_copy(update=changes)

"""Devices that the operator expects: nodes by the maker's serial number, as controllers are told (`pki/fleet.json`)."""

import json
import secrets
from collections.abc import Mapping
from datetime import datetime

from builder.fleet.credential import LIFE
from builder.fleet.record import Credential, Record

_ID_BYTES = 8


def make_listing(device: str, *, now: datetime) -> Credential:
    """What counts as the credential of the device with this serial number."""
    return Credential(serial=secrets.token_hex(_ID_BYTES), made=now, expires=now + LIFE, device=device)


def listed_nodes(record: Record) -> Mapping[str, Credential]:
    """The nodes whose devices are expected, and the listing of each that counts: the last, where nobody took it back."""
    gone = {one.serial for one in record.revoked}
    listings = {
        name: [one for one in node.credentials if one.device is not None and one.serial not in gone]
        for name, node in sorted(record.nodes.items())
        if not node.revoked
    }
    return {name: found[-1] for name, found in listings.items() if found}


def fleet_list(record: Record, labels: Mapping[str, Mapping[str, str]]) -> bytes:
    """What controllers are told; `labels` are those of listed nodes, by name."""
    devices = [
        {
            "serialNumber": one.device,
            "node": name,
            "credential": one.serial,
            "made": one.model_dump(mode="json")["made"],
            "expires": one.model_dump(mode="json")["expires"],
            "labels": dict(labels[name]),
        }
        for name, one in listed_nodes(record).items()
    ]
    return f"{json.dumps({'format': 1, 'open': record.fleet, 'devices': devices}, indent=1)}\n".encode()

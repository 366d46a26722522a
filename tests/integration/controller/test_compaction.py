"""Old revisions end, as upstream's clients expect of etcd, also where a cluster has had few."""

import json

import pytest

from tests.integration.components import grpc
from tests.integration.controller.controller import Controller

# A range of keys, from the first to before the second: fields 1 and 2 of etcdserverpb.RangeRequest.
FIRST, BEHIND = b"/registry/namespaces/", b"/registry/namespaces0"
NAMESPACES = b"\x0a" + bytes([len(FIRST)]) + FIRST + b"\x12" + bytes([len(BEHIND)]) + BEHIND
DEFAULT = FIRST + b"default"


def test_what_the_api_server_compacts_is_gone(controller: Controller) -> None:
    socket = controller.place.run / "store" / "kine.sock"
    before = _revision(controller, "before")
    after = _revision(controller, "after")
    at_before = NAMESPACES + b"\x20" + _varint(before)
    assert DEFAULT in grpc.call(socket, "/etcdserverpb.KV/Range", at_before)
    grpc.call(socket, "/etcdserverpb.KV/Compact", b"\x08" + _varint(after))
    with pytest.raises(grpc.CallError):
        grpc.call(socket, "/etcdserverpb.KV/Range", at_before)
    assert DEFAULT in grpc.call(socket, "/etcdserverpb.KV/Range", NAMESPACES)


def _revision(controller: Controller, name: str) -> int:
    """What making a ConfigMap has brought the store to."""
    made = json.loads(controller.applied("create", "configmap", name, "--output=json"))
    return int(made["metadata"]["resourceVersion"])


def _varint(number: int) -> bytes:
    """As protobuf writes numbers: seven bits a byte, the lowest first."""
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])

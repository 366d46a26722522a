"""A program of its own: `lister.py ROUNDS DIRECT ANSWERED` asks for all pods by both kubeconfigs in turn, and prints seconds.

It asks as components do: for protobuf, packed, on a connection that is open; and, as all but the oldest do, for a watch that
begins with what there is. JSON, which few of them ask for, is measured besides.
"""

import base64
import gzip
import http.client
import json
import ssl
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_PATH = "/api/v1/pods"
_WATCH = f"{_PATH}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
_PROTOBUF = "application/vnd.kubernetes.protobuf"
# What the bookmark has that ends what there is.
_END = b"k8s.io/initial-events-end"
_PIECE = 1 << 16
_GZIP = 16 + zlib.MAX_WBITS
# Components list when they start, and when a watch has ended. Without a pause one answer is kept while the next is asked for,
# which is a measure of throughput.
_PAUSE_S = 0.4


def connection(kubeconfig: Path) -> http.client.HTTPSConnection:
    """A connection that stays open, as components have it."""
    document = json.loads(kubeconfig.read_text())
    cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
    context = ssl.create_default_context(cadata=_text(cluster, "certificate-authority"))
    with tempfile.NamedTemporaryFile("w") as pair:
        pair.write(_text(user, "client-certificate") + _text(user, "client-key"))
        pair.flush()
        context.load_cert_chain(pair.name)
    server = urlsplit(cluster["server"])
    return http.client.HTTPSConnection(server.hostname or "", server.port, context=context)


def _text(entry: dict[str, Any], name: str) -> str:
    inline = entry.get(f"{name}-data")
    return base64.b64decode(inline).decode() if inline else Path(entry[name]).read_text()


def _ask(server: http.client.HTTPSConnection, path: str, **headers: str) -> http.client.HTTPResponse:
    server.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = server.getresponse()
    if answer.status != http.HTTPStatus.OK:
        raise SystemExit(f"{answer.status}: {answer.read().decode()}")
    return answer


def list_of(media: str) -> Callable[[http.client.HTTPSConnection], tuple[float, int]]:
    """Seconds until the whole list could be read, and its length."""

    def measure(server: http.client.HTTPSConnection) -> tuple[float, int]:
        began_s = time.perf_counter()
        answer = _ask(server, _PATH, Accept=media, Accept_Encoding="gzip")
        body = answer.read()
        if answer.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        return time.perf_counter() - began_s, len(body)

    return measure


def watch(server: http.client.HTTPSConnection) -> tuple[float, int]:
    """Seconds until a watch has told what there is, and how much that was. The connection is another one afterwards."""
    began_s = time.perf_counter()
    answer = _ask(server, _WATCH, Accept=f"{_PROTOBUF};stream=watch", Accept_Encoding="gzip")
    is_packed = answer.headers.get("Content-Encoding") == "gzip"
    told, unpacking = b"", zlib.decompressobj(wbits=_GZIP)
    while _END not in told[-_PIECE:]:
        piece = answer.read1(_PIECE)
        while is_packed and piece:
            told += unpacking.decompress(piece)
            piece = unpacking.unused_data
            if unpacking.eof:
                unpacking = zlib.decompressobj(wbits=_GZIP)
        told += piece
    took_s = time.perf_counter() - began_s
    server.close()
    server.connect()
    return took_s, len(told)


_CASES: Mapping[str, Callable[[http.client.HTTPSConnection], tuple[float, int]]] = {
    "list": list_of(_PROTOBUF),
    "watch": watch,
    "json": list_of("application/json"),
}


def main(rounds: str, direct: str, answered: str) -> None:
    """Print for each case `direct` and `answered` in seconds, and `bytes`."""
    servers = {"direct": connection(Path(direct)), "answered": connection(Path(answered))}
    found: dict[str, dict[str, list[float]]] = {}
    for case, measure in _CASES.items():
        seconds: dict[str, list[float]] = {name: [] for name in servers}
        size_bytes = 0
        for number in range(int(rounds) + 1):
            for name, server in servers.items():
                time.sleep(_PAUSE_S)
                took_s, size_bytes = measure(server)
                if number > 0:  # the first opens the connection
                    seconds[name].append(took_s)
        found[case] = {**seconds, "bytes": [size_bytes]}
    sys.stdout.write(json.dumps(found))


main(*sys.argv[1:])

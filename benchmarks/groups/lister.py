"""A program of its own: `lister.py PATH ROUNDS DIRECT ANSWERED` asks for PATH by both kubeconfigs in turn, and prints seconds."""

import base64
import gzip
import http.client
import json
import ssl
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


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


def ask(server: http.client.HTTPSConnection, path: str) -> tuple[float, int]:
    """Seconds until the whole answer could be read, and how long it is."""
    began_s = time.perf_counter()
    server.request("GET", path, headers={"Accept": "application/json", "Accept-Encoding": "gzip"})
    answer = server.getresponse()
    body = answer.read()
    if answer.headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    took_s = time.perf_counter() - began_s
    if answer.status != http.HTTPStatus.OK:
        raise SystemExit(f"{answer.status}: {body.decode()}")
    return took_s, len(body)


# Components list when they start, and when a watch has ended. Without a pause one answer is kept while the next is asked for,
# which is a measure of throughput.
_PAUSE_S = 0.2


def main(path: str, rounds: str, direct: str, answered: str) -> None:
    """Print `direct` and `answered` in seconds, and `bytes`."""
    servers = {"direct": connection(Path(direct)), "answered": connection(Path(answered))}
    found: dict[str, list[float]] = {"direct": [], "answered": [], "bytes": []}
    for number in range(int(rounds) + 1):
        for name, server in servers.items():
            time.sleep(_PAUSE_S)
            took_s, size_bytes = ask(server, path)
            if number > 0:  # the first opens the connection
                found[name].append(took_s)
            found["bytes"] = [size_bytes]
    sys.stdout.write(json.dumps(found))


main(*sys.argv[1:])

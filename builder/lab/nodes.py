"""What the API server of a lab says of its nodes, asked for from this machine."""

import base64
import http.client
import json
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

# An emulated API server on a busy computer takes its time, and what is given up was work all the same.
_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeState:
    """A node as the API has it. `boot` tells its starts apart."""

    name: str
    is_ready: bool
    boot: str
    version: str
    architecture: str


class NodeWatch:
    """Asks with the credentials of a kubeconfig (JSON, as the builder writes it), over one connection."""

    def __init__(self, kubeconfig: Path) -> None:
        document = json.loads(kubeconfig.read_bytes())
        server = document["clusters"][0]["cluster"]
        user = document["users"][0]["user"]
        host, _, port = server["server"].removeprefix("https://").rpartition(":")
        context = ssl.create_default_context(cadata=_decoded(server["certificate-authority-data"]))
        # The only way in to OpenSSL's chains is a file.
        with NamedTemporaryFile(dir=kubeconfig.parent, prefix=".admin.", mode="w") as pair:
            pair.write(_decoded(user["client-certificate-data"]) + _decoded(user["client-key-data"]))
            pair.flush()
            context.load_cert_chain(pair.name)
        self._connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=_TIMEOUT_S)

    def look(self) -> Mapping[str, NodeState] | None:
        """The nodes by name; None where nobody answers (yet)."""
        body = self._get("/api/v1/nodes")
        if body is None:
            return None
        return node_states(body)

    def is_ready(self) -> bool:
        """Whether the API server says that all of itself is ready."""
        return self._get("/readyz") is not None

    def _get(self, path: str) -> bytes | None:
        try:
            self._connection.request("GET", path, headers={"Accept": "application/json"})
            response = self._connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return None
        return body if response.status == http.client.OK else None

    def close(self) -> None:
        """End the connection; the next look makes another."""
        with suppress(OSError):
            self._connection.close()


def node_states(body: bytes) -> Mapping[str, NodeState] | None:
    """The nodes of the list `body` by name; None where it is no such list."""
    try:
        return {state.name: state for state in map(_state, json.loads(body)["items"])}
    except (ValueError, KeyError):
        return None


def _state(item: dict[str, dict[str, object]]) -> NodeState:
    status = json.loads(json.dumps(item["status"]))
    info = status["nodeInfo"]
    conditions = {one["type"]: one["status"] for one in status.get("conditions", [])}
    return NodeState(
        name=str(item["metadata"]["name"]),
        is_ready=conditions.get("Ready") == "True",
        boot=info.get("bootID", ""),
        version=info.get("kubeletVersion", ""),
        architecture=info.get("architecture", ""),
    )


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()

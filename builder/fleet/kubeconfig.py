"""Kubeconfigs, as kedge writes them (cluster/internal/kubeconfig): one cluster, one user; JSON is YAML."""

import base64
import json

from builder.fleet.endpoints import Endpoint

_CLUSTER = "kedge"


def kubeconfig(user: str, *, server: Endpoint, authority: str, certificate: str, key: str) -> bytes:
    """The file of `user`; certificates and the key are in PEM."""

    def packed(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    cluster = {"server": server.url, "certificate-authority-data": packed(authority)}
    credentials = {"client-certificate-data": packed(certificate), "client-key-data": packed(key)}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": _CLUSTER, "cluster": cluster}],
        "users": [{"name": user, "user": credentials}],
        "contexts": [{"name": _CLUSTER, "context": {"cluster": _CLUSTER, "user": user}}],
        "current-context": _CLUSTER,
    }
    return f"{json.dumps(document, indent=2)}\n".encode()

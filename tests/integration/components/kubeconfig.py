"""Kubeconfig files. JSON is YAML, so nothing has to be quoted by hand."""

import json
from pathlib import Path

from tests.integration.components.pki import KeyPair


def write_kubeconfig(path: Path, *, server: str, authority: Path, identity: KeyPair) -> Path:
    """Write a kubeconfig with one cluster, one user and one context."""
    user = {"client-certificate": str(identity.certificate), "client-key": str(identity.key)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": server, "certificate-authority": str(authority)}}],
        "users": [{"name": "test", "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    }
    path.write_text(json.dumps(config))
    return path

"""Asks HTTP endpoints the way a health check does: no answer is an answer too."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.integration.components.pki import KeyPair

TIMEOUT_S = 10
OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Status 0 says that nobody answered."""

    status: int
    text: str


NOBODY = Answer(status=0, text="")


def get(url: str, trust: ssl.SSLContext | None = None) -> Answer:
    """GET; a refused or broken connection is `NOBODY`."""
    with httpx.Client(verify=trust or ssl.create_default_context(), timeout=TIMEOUT_S, trust_env=False) as client:
        try:
            response = client.get(url)
        except httpx.TransportError:
            return NOBODY
    return Answer(status=response.status_code, text=response.text)


def trusting(authority: Path, identity: KeyPair | None = None) -> ssl.SSLContext:
    """Trust one authority alone; `identity` is presented to the server."""
    context = ssl.create_default_context(cafile=str(authority))
    if identity is not None:
        context.load_cert_chain(identity.certificate, identity.key)
    return context

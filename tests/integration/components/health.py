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
    return _ask("GET", url, "", trust)


def post(url: str, body: str, trust: ssl.SSLContext | None = None) -> Answer:
    """POST a JSON document; a refused or broken connection is `NOBODY`."""
    return _ask("POST", url, body, trust)


def _ask(method: str, url: str, body: str, trust: ssl.SSLContext | None) -> Answer:
    context = trust or ssl.create_default_context()
    # Uncompressed: metrics-server sends its metrics as two compressed streams in a row, of which httpx reads the first.
    headers = {"content-type": "application/json", "accept-encoding": "identity"}
    with httpx.Client(verify=context, timeout=TIMEOUT_S, trust_env=False) as client:
        try:
            response = client.request(method, url, content=body, headers=headers)
        except httpx.TransportError:
            return NOBODY
    return Answer(status=response.status_code, text=response.text)


def trusting(authority: Path, identity: KeyPair | None = None) -> ssl.SSLContext:
    """Trust one authority alone; `identity` is presented to the server."""
    context = ssl.create_default_context(cafile=str(authority))
    if identity is not None:
        context.load_cert_chain(identity.certificate, identity.key)
    return context


def trusting_anyone() -> ssl.SSLContext:
    """For a component that serves a certificate which it signed itself."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context

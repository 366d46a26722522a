"""Answers a registry's question who is there (RFC 7235; distribution/docs/spec/auth/token.md)."""

import base64
import re
from collections.abc import Generator
from http import HTTPStatus
from urllib.parse import urlencode

import httpx

from builder.core.errors import BuilderError
from builder.oci.registry.credentials import Login

_CHALLENGE = re.compile(r'([a-zA-Z_]+)="([^"]*)"')
_CLIENT = "builder"


class RegistryAuth(httpx.Auth):
    """Logs in to one repository of one registry, and keeps the token that it got.

    Threads may share it: two of them may ask for a token at once, each of which is good.
    """

    def __init__(self, host: str, scope: str, login: Login | None) -> None:
        self._host = host
        self._scope = scope
        self._login = login
        self._header = ""

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """See `httpx.Auth`."""
        if self._header:
            request.headers["Authorization"] = self._header
        response = yield request
        if response.status_code != HTTPStatus.UNAUTHORIZED:
            return
        scheme, _, rest = response.headers.get("WWW-Authenticate", "").partition(" ")
        if scheme.lower() == "bearer":
            answer = yield self._token_request(dict(_CHALLENGE.findall(rest)), secure=request.url.scheme == "https")
            answer.read()
            header = f"Bearer {self._token(answer)}"
        else:
            if scheme.lower() != "basic" or self._login is None or not self._login.user:
                return
            header = _basic(self._login)
        self._header = header
        if header != request.headers.get("Authorization"):
            request.headers["Authorization"] = header
            yield request

    def _token_request(self, challenge: dict[str, str], *, secure: bool) -> httpx.Request:
        realm, login = challenge.get("realm", ""), self._login
        if not realm.startswith("https://" if secure else ("https://", "http://")):
            raise BuilderError(f"{self._host} sends those who log in to {realm or 'nowhere'}; nothing was sent there")
        asked = {"service": challenge.get("service", ""), "scope": challenge.get("scope") or self._scope}
        if login and login.identity_token:
            form = {"grant_type": "refresh_token", "client_id": _CLIENT, "refresh_token": login.identity_token, **asked}
            return httpx.Request("POST", realm, data=form)
        headers = {"Authorization": _basic(login)} if login else {}
        sign = "&" if "?" in realm else "?"
        return httpx.Request("GET", f"{realm}{sign}{urlencode(asked)}", headers=headers)

    def _token(self, answer: httpx.Response) -> str:
        if answer.status_code == HTTPStatus.OK:
            try:
                fields = answer.json()
                return str(fields.get("token") or fields["access_token"])
            except (ValueError, KeyError, AttributeError):
                raise BuilderError(
                    f"{answer.url.host}, where {self._host} sends those who log in, gives no token"
                ) from None
        raise BuilderError(
            f"{self._host} refuses the login: the answer is {answer.status_code} {answer.reason_phrase}",
            hint=f"log in: docker login {self._host}",
        )


def _basic(login: Login) -> str:
    return f"Basic {base64.b64encode(f'{login.user}:{login.password}'.encode()).decode()}"

"""What a registry's refusal means, for people; the words are those of Go's module client and of pip."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from builder.io.spawn import CommandError

_USER_VARIABLES = (
    "ALL_PROXY", "GOAUTH", "GOINSECURE", "GONOPROXY", "GONOSUMDB", "GOPRIVATE", "GOPROXY", "GOSUMDB", "HOME", "HTTPS_PROXY",
    "HTTP_PROXY", "NETRC", "NO_PROXY", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE", "XDG_CONFIG_HOME",
    "all_proxy", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip

_HINTS = {
    "403": "the proxy refuses this; ask who runs it, or name another one (GOPROXY for Go modules, pip's index-url for wheels)",
    "404": "the proxy does not have it; is the version right?",
    "410": "the proxy does not have it; is the version right?",
    "unknown revision": "there is no such version",
    "No matching distribution": "there is no such version for this machine",
    "could not find a version": "there is no such version for this machine",
    "no such host": "there is no network, or no name resolution; with a filled cache --offline works without",
    "network is unreachable": "there is no network; with a filled cache --offline works without",
    "connection refused": "nothing answers at the proxy's address; look at GOPROXY and HTTPS_PROXY",
    "NewConnectionError": "there is no network, or nothing answers at the index's address; look at pip's configuration",
    "Temporary failure in name resolution": "there is no network; with a filled cache --offline works without",
    "certificate": "the proxy's certificate is not trusted here; SSL_CERT_FILE (Go) and PIP_CERT (pip) name further ones",
}


def network_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The part of the user's `environment` that says where registries are and how to reach them; may hold passwords."""
    return {name: value for name, value in environment.items() if name in _USER_VARIABLES or name.startswith("PIP_")}


def network_hint(message: str) -> str:
    """What to do about the failure that `message` tells of; empty where nothing is known."""
    lowered = message.lower()
    return next((hint for words, hint in _HINTS.items() if words.lower() in lowered), "")


@contextmanager
def network_hints() -> Iterator[None]:
    """Add what is known about a refusal to the error of a command that talks to a registry."""
    try:
        yield
    except CommandError as error:
        error.hint = error.hint or network_hint("\n".join(error.details))
        raise

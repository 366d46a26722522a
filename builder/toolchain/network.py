"""What a registry's refusal means, for people; the words are those of Go's module client and of pip."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from builder.core.errors import ExitCode
from builder.io.spawn import CommandError

_USER_VARIABLES = (
    "ALL_PROXY", "BUILDER_DEBIAN_MIRROR", "DOCKER_CERT_PATH", "DOCKER_HOST", "DOCKER_TLS_VERIFY", "GOAUTH", "GOINSECURE",
    "GONOPROXY", "GONOSUMDB", "GOPRIVATE", "GOPROXY", "GOSUMDB", "HOME", "HTTPS_PROXY", "HTTP_PROXY", "NETRC", "NO_PROXY",
    "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE", "XDG_CONFIG_HOME", "all_proxy", "http_proxy", "https_proxy",
    "no_proxy",
)  # fmt: skip

_HINTS = {
    # First what keeps a registry from being asked at all: the tools go on to say that it has no such version.
    "no such host": "there is no network, or no name resolution; with a filled cache --offline works without",
    "Failed to resolve": "there is no network, or no name resolution; with a filled cache --offline works without",
    "dial udp": "there is no network, or no name resolution; with a filled cache --offline works without",
    "network is unreachable": "there is no network; with a filled cache --offline works without",
    "connection refused": "nothing answers at the proxy's address; look at GOPROXY and HTTPS_PROXY",
    "NewConnectionError": "there is no network, or nothing answers at the index's address; look at pip's configuration",
    "certificate": "the proxy's certificate is not trusted here; SSL_CERT_FILE (Go) and PIP_CERT (pip) name further ones",
    "403": "the proxy refuses this; ask who runs it, or name another one (GOPROXY for Go modules, pip's index-url for wheels)",
    "404": "the proxy does not have it; is the version right?",
    "410": "the proxy does not have it; is the version right?",
    "unknown revision": "there is no such version",
    # pip says the same whether the index lacks it, refuses it or cannot be reached.
    "No matching distribution": "the index has no such version for this machine, or does not let it be seen from here; "
    "look at pip's configuration (pip config list)",
}

# What Go's module client and pip say about bytes that have another digest than go.sum or the lock.
_MISMATCHES = ("checksum mismatch", "DO NOT MATCH THE HASHES")
_MISMATCH_HINT = (
    "what arrived is not what was pinned; nothing of it was used. Either a proxy or mirror served something else, "
    "or the pin (go.sum, the lock) was changed: compare it with version control"
)


def network_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The part of the user's `environment` that says where registries are and how to reach them; may hold passwords."""
    return {name: value for name, value in environment.items() if name in _USER_VARIABLES or name.startswith("PIP_")}


def network_hint(message: str) -> str:
    """What to do about the failure that `message` tells of; empty where nothing is known."""
    lowered = message.lower()
    return next((hint for words, hint in _HINTS.items() if words.lower() in lowered), "")


@contextmanager
def network_hints() -> Iterator[None]:
    """Add what is known about a refusal to the error of a command that talks to a registry.

    A tool that found another sum than the one it was given ends like one that found nothing; here that becomes a failed
    verification.
    """
    try:
        yield
    except CommandError as error:
        said = "\n".join(error.details)
        if any(words in said for words in _MISMATCHES):
            error.exit_code = ExitCode.VERIFICATION_FAILED
            error.hint = _MISMATCH_HINT
        error.hint = error.hint or network_hint(said)
        raise

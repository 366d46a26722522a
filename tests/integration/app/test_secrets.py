"""Passwords in the addresses of registries are shown nowhere."""

from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.integration.app.driver import Builder, Result, ended, processes_of, wait_until
from tests.integration.app.servers import Registry, serving
from tests.integration.components.pki import Authority

SECRET = "hunter2-geheim"  # noqa: S105 - it opens nothing but the servers below
LOGIN = f"somebody:{SECRET}"


@pytest.fixture
def authority(place: Path) -> Authority:
    (place / "pki").mkdir()
    return Authority(place / "pki")


def trusting(builder: Builder, authority: Authority, name: str, registry: Registry) -> Builder:
    """`builder` that finds `registry` by the variable `name`, password and all."""
    return replace(
        builder,
        extra={name: registry.url, "SSL_CERT_FILE": str(authority.certificate), "PIP_CERT": str(authority.certificate)},
    )


def files_that_tell(*roots: Path) -> list[Path]:
    """The files below `roots` in which the password stands; no toolchain is looked into."""
    files = (path for root in roots for path in root.rglob("*") if path.is_file())
    return [path for path in files if SECRET.encode() in path.read_bytes()]


def commands_of(cache: Path) -> bytes:
    """The arguments of all processes that work with `cache`."""
    told = b""
    for pid in processes_of(cache):
        try:
            told += Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
    return told


def run_watched(builder: Builder, registry: Registry, *arguments: str) -> Result:
    """Run the builder and look at the arguments of its children while the first request waits for its answer."""
    process = builder.start(*arguments)
    try:
        wait_until(lambda: bool(registry.asked) or process.poll() is not None, "the proxy is asked")
        told = commands_of(builder.cache)
        registry.released.set()
        wait_until(lambda: SECRET.encode() in commands_of(builder.cache) or process.poll() is not None, "it ends")
    finally:
        result = ended(process)
    assert b"download" in told or b"list" in told
    assert SECRET.encode() not in told
    return result


@pytest.mark.parametrize("options", [("make",), ("make", "--events", "json"), ("--debug", "make")])
def test_a_good_build_keeps_the_password(builder: Builder, authority: Authority, options: tuple[str, ...]) -> None:
    private = Registry(root=builder.checkout.proxy, login=LOGIN, hangs=1, keys=authority.issue("proxy"))
    with serving(private) as registry:
        result = run_watched(trusting(builder, authority, "GOPROXY", registry), registry, *options)
    assert result.code == 0, result.err
    assert SECRET not in result.out + result.err
    roots = [builder.cache / name for name in ("logs", "out", "store/work", "go/mod")]
    assert files_that_tell(*roots, builder.checkout.out, *(path.parent for path in _own_entries(builder))) == []


@pytest.mark.parametrize(
    "options", [("make",), ("make", "--events", "json"), ("--debug", "make"), ("lock", "--update")]
)
def test_a_refusal_keeps_the_password(builder: Builder, authority: Authority, options: tuple[str, ...]) -> None:
    if "lock" in options:
        recipe = builder.checkout.cluster_recipe
        recipe.write_text(recipe.read_text().replace("version: v1.0.0", "version: v1.1.0"))
    private = Registry(status=HTTPStatus.FORBIDDEN, login=LOGIN, keys=authority.issue("proxy"))
    with serving(private) as registry:
        result = trusting(builder, authority, "GOPROXY", registry).run(*options)
    assert result.code != 0, result.err
    assert "403 Forbidden" in result.out + result.err
    assert SECRET not in result.out + result.err
    assert files_that_tell(builder.cache / "logs", builder.cache / "store" / "work", builder.checkout.root) == []


@pytest.mark.parametrize("options", [("make",), ("make", "--events", "json"), ("--debug", "make")])
def test_pip_keeps_the_password(bare: Builder, authority: Authority, options: tuple[str, ...]) -> None:
    private = Registry(status=HTTPStatus.FORBIDDEN, login=LOGIN, hangs=1, keys=authority.issue("index"))
    with serving(private) as registry:
        result = run_watched(trusting(bare, authority, "PIP_INDEX_URL", registry), registry, *options)
    assert result.code != 0
    assert "No matching distribution" in result.out + result.err
    assert SECRET not in result.out + result.err
    assert files_that_tell(bare.cache, bare.checkout.root) == []


def _own_entries(builder: Builder) -> list[Path]:
    """What this builder made itself: the toolchains are links."""
    return [path for path in builder.entries() if not path.parent.is_symlink()]

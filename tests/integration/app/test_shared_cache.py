"""Results that machines share: each step is made once, and nothing that is shared is believed as it is."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard

from builder.core.digest import Digest
from builder.store.record import EntryFile, NodeKind
from tests.integration.airgap.conftest import Judges, judges, minisign, runner  # noqa: F401 - fixtures
from tests.integration.airgap.faulty import Answer, always, running_faulty
from tests.integration.airgap.minisign import Minisign
from tests.integration.airgap.registry import Registry, running_registry
from tests.integration.app.checkout import Checkout
from tests.integration.app.conftest import Furnish
from tests.integration.app.driver import Builder, Result, tree

STEPS = ["edge/amd64/executable", "edge/armv7/executable", "edge/modules"]
TARGETS = ["edge/amd64/executable", "edge/armv7/executable"]


@pytest.fixture
def second(checkout: Checkout, place: Path, furnish: Furnish) -> Builder:
    """Another machine with the same checkout, and no module proxy."""
    furnish(place / "second")
    return Builder(checkout=checkout, cache=place / "second", extra={"GOPROXY": "off"})


@pytest.fixture
def shared(place: Path) -> Path:
    return place / "shared"


def cached(result: Result) -> list[str]:
    return sorted(one["step"] for one in result.events if one["event"] == "step-finished" and one["cached"])


def warnings(result: Result) -> list[str]:
    return [one["message"] for one in result.events if one["event"] == "warning"]


def filled(builder: Builder, shared: Path, *options: str) -> dict[str, bytes]:
    """What the first machine makes and shares."""
    assert builder.make("--cache-to", str(shared), *options).steps() == STEPS
    made = artifacts(builder)
    shutil.rmtree(builder.checkout.out)
    return made


def artifacts(builder: Builder) -> dict[str, bytes]:
    return {name: data for name, data in tree(builder.checkout.out).items() if not name.endswith("manifest.json")}


def test_a_second_machine_makes_nothing(builder: Builder, second: Builder, shared: Path) -> None:
    made = filled(builder, shared)
    result = second.make("--cache-from", str(shared))
    assert (result.steps(), cached(result), warnings(result)) == ([], TARGETS, [])
    assert artifacts(second) == made
    assert second.half_made() == []


def test_what_is_missing_is_made_of_what_is_there(builder: Builder, second: Builder, shared: Path) -> None:
    filled(builder, shared)
    remove(shared, "edge/armv7/executable")
    result = second.make("--cache-from", str(shared), "--cache-to", str(shared))
    assert (result.steps(), cached(result)) == (["edge/armv7/executable"], ["edge/amd64/executable", "edge/modules"])
    assert "edge/armv7/executable" in {record.made.step for _, record in records(shared)}


def records(shared: Path) -> Iterator[tuple[Path, EntryFile]]:
    for path in sorted(shared.glob("*/*/record")):
        yield path, EntryFile.from_bytes(path.read_bytes())


def remove(shared: Path, step: str) -> None:
    for path, record in records(shared):
        if record.made.step == step:
            shutil.rmtree(path.parent)


def flip(place: Path) -> None:
    data = bytearray((place / "content").read_bytes())
    data[len(data) // 2] ^= 1
    (place / "content").write_bytes(data)


def cut(place: Path) -> None:
    os.truncate(place / "content", 100)


def exchange(place: Path) -> None:
    """The record of another step, whole and in order."""
    other = next(path for path, record in records(place.parents[1]) if record.made.step == "edge/modules")
    shutil.copytree(other.parent, place, dirs_exist_ok=True)


def rewritten(change: Callable[[EntryFile], EntryFile]) -> Callable[[Path], None]:
    def damage(place: Path) -> None:
        record = change(EntryFile.from_bytes((place / "record").read_bytes()))
        (place / "record").write_bytes(record.to_bytes())

    return damage


def escape(record: EntryFile) -> EntryFile:
    return replace(record, nodes=[replace(node, path=f"../../{node.path}") for node in record.nodes])


def redirect(record: EntryFile) -> EntryFile:
    """A file below a link that leads elsewhere."""
    (node,) = record.nodes
    link = replace(node, path="out", kind=NodeKind.LINK, target="/tmp")  # noqa: S108 - where it must not lead
    return replace(record, nodes=[link, replace(node, path=f"out/{node.path}")])


def other_facts(record: EntryFile) -> EntryFile:
    return replace(record, made=replace(record.made, facts={**record.made.facts, "input.name": "other"}))


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "flipped": (flip, "is not what its record says|its content is damaged"),
    "cut": (cut, "is not what its record says|its content is damaged"),
    "exchanged": (exchange, "it is the result of another step: edge/modules"),
    "rubbish": (lambda place: (place / "record").write_text("{}"), "its record is damaged"),
    "escaping": (rewritten(escape), "its record names the place '../../tiny'"),
    "redirected": (rewritten(redirect), "its record names the place 'out/tiny'"),
    "other facts": (rewritten(other_facts), "it was made from something else"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_wrong_is_noticed_made_again_and_replaced(
    builder: Builder, second: Builder, shared: Path, name: str
) -> None:
    damage, message = DAMAGES[name]
    made = filled(builder, shared)
    (place,) = (path.parent for path, record in records(shared) if record.made.step == "edge/armv7/executable")
    damage(place)
    result = second.make("--cache-from", str(shared), "--cache-to", str(shared))
    assert result.steps() == ["edge/armv7/executable"]
    (warning,) = warnings(result)
    assert any(part in warning for part in message.split("|")), warning
    assert artifacts(second) == made
    assert second.half_made() == []
    record = EntryFile.from_bytes((place / "record").read_bytes())
    assert record.made.step == "edge/armv7/executable"


def test_only_signed_results_are_taken(
    builder: Builder,
    second: Builder,
    shared: Path,
    minisign: Minisign,  # noqa: F811
) -> None:
    minisign.make_keys("-W")
    made = filled(builder, shared, "--cache-key", str(minisign.secret))
    trust = ("--cache-public-key", str(minisign.public))
    (place,) = (path.parent for path, record in records(shared) if record.made.step == "edge/armv7/executable")
    hostile(place)
    result = second.make("--cache-from", str(shared), *trust)
    assert result.steps() == ["edge/armv7/executable"]
    assert "its record is not what was signed" in warnings(result)[0]
    assert artifacts(second) == made
    (place / "record.minisig").unlink()
    shutil.rmtree(second.cache / "store")
    second.run("cache", "stats")
    unsigned = second.run("make", "--events", "json", "--cache-from", str(shared), *trust)
    assert "nobody signed it" in unsigned.out


def hostile(place: Path) -> None:
    """Another executable, with a record in perfect order."""
    record = EntryFile.from_bytes((place / "record").read_bytes())
    data = b"#!/bin/sh\necho evil\n"
    (place / "content").write_bytes(zstandard.compress(data))
    (node,) = record.nodes
    nodes = [replace(node, size_bytes=len(data), digest=Digest.of_bytes(data))]
    (place / "record").write_bytes(replace(record, nodes=nodes).to_bytes())


def test_a_place_that_cannot_be_written_ends_no_build(builder: Builder, place: Path) -> None:
    (place / "file").write_text("")
    result = builder.make("--cache-to", str(place / "file"))
    assert result.steps() == STEPS
    assert any("is not used any more in this build" in one for one in warnings(result))


def test_a_full_disk_ends_no_build(builder: Builder) -> None:
    result = builder.make("--cache-to", "/dev/full/cache")
    assert result.steps() == STEPS
    assert len([one for one in warnings(result) if "not used any more" in one]) == 1


def test_keys_without_a_cache_are_told(builder: Builder) -> None:
    refused = builder.run("make", "--cache-key", "any")
    assert (refused.code, "given without the cache" in refused.err) == (2, True)
    refused = builder.run("make", "--offline", "--cache-from", "oci://localhost:9/team/cache")
    assert (refused.code, "is reached by a network, and none is to be used" in refused.err) == (2, True)


@pytest.fixture
def registry(judges: Judges, tmp_path: Path) -> Iterator[Registry]:  # noqa: F811
    with running_registry(judges("docker-registry"), tmp_path / "registry") as registry:
        yield registry


def test_a_registry_is_shared(builder: Builder, second: Builder, registry: Registry, place: Path, shared: Path) -> None:
    (place / "operator").mkdir()
    home = {"HOME": str(registry.home(place / "operator"))}
    repository = f"oci://{registry.host}/team/cache"
    first = replace(builder, extra=home)
    assert first.make("--cache-to", repository).steps() == STEPS
    made = artifacts(first)
    shutil.rmtree(first.checkout.out)
    other = replace(second, extra={**second.extra, **home})
    result = other.make("--cache-from", repository)
    assert (result.steps(), cached(result), warnings(result)) == ([], TARGETS, [])
    assert artifacts(other) == made
    assert not shared.exists()


@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_a_registry_that_refuses_ends_no_build(builder: Builder, place: Path, status: int) -> None:
    with running_faulty(place / "faulty") as faulty:
        faulty.behaviours.append(always("/v2/", Answer(status=status)))
        visitor = replace(builder, extra={"HOME": str(faulty.home(place / "visitor"))})
        repository = f"oci://{faulty.host}/team/cache"
        result = visitor.make("--cache-from", repository, "--cache-to", repository)
        assert result.steps() == STEPS
        (warning,) = warnings(result)
        assert f"the answer is {status}" in warning
        assert len(faulty.requests) == 1


def test_a_registry_that_hangs_ends_no_build(builder: Builder, place: Path) -> None:
    with running_faulty(place / "faulty") as faulty:
        faulty.behaviours.append(always("/v2/", Answer(content=json.dumps({}).encode(), cut_after=1, hangs=True)))
        visitor = replace(builder, extra={"HOME": str(faulty.home(place / "visitor"))})
        result = visitor.make("--cache-from", f"oci://{faulty.host}/team/cache", "--network-timeout", "2")
        assert result.steps() == STEPS
        assert "is not used any more in this build" in warnings(result)[0]


def test_a_registry_that_is_away_ends_no_build(builder: Builder) -> None:
    result = builder.make("--cache-from", "oci://127.0.0.1:9/team/cache")
    assert result.steps() == STEPS
    assert "refused" in warnings(result)[0]

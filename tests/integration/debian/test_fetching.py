"""Packages as steps of a build: many at once, whatever a mirror does, and resumed after the builder's death."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

import pytest

from builder.core.errors import VerificationError
from builder.core.events import StepFinished
from builder.debian.pins import PinnedFile
from builder.exec.result import BuildResult, StepsFailedError
from tests.integration.debian.archive import Archive, sha256
from tests.integration.debian.conftest import Serve
from tests.integration.debian.fetching import Fetching
from tests.integration.debian.server import Fault, Server

PACKAGES = 20


@dataclass(kw_only=True)
class Mirror:
    """A server of twenty packages, their pins, and a builder that fetches them from it."""

    server: Server
    pins: list[PinnedFile]
    fetching: Fetching

    @property
    def url(self) -> str:
        return f"{self.server.url}/debian"

    def path(self, number: int) -> str:
        return f"/debian/{self.pins[number].path}"


@pytest.fixture
def mirror(archive: Archive, serve: Serve, tmp_path: Path) -> Mirror:
    pins = []
    for number in range(PACKAGES):
        file = archive.add_package(f"package{number:02}", "1:1.0", "armhf", os.urandom(50_000))
        data = file.read_bytes()
        pins.append(
            PinnedFile(
                name=f"package{number:02}",
                version="1:1.0",
                architecture="armhf",
                path=str(file.relative_to(archive.root)),
                size_bytes=len(data),
                sha256=f"sha256:{sha256(data)}",
            )
        )
    server = serve(archive.root.parent)
    fetching = Fetching(cache=tmp_path / "cache", mirrors=[f"{server.url}/debian"])
    return Mirror(server=server, pins=pins, fetching=fetching)


def content(result: BuildResult) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for entry in result.targets.values() for file in entry.output.iterdir()}


def expected(mirror: Mirror) -> dict[str, bytes]:
    root = mirror.server.root / "debian"
    return {pin.file_name: (root / pin.path).read_bytes() for pin in mirror.pins}


def test_eight_arrive_at_once_over_connections_that_stay_open(mirror: Mirror) -> None:
    mirror.server.gathers = 8
    result = mirror.fetching.fetch(mirror.pins)
    assert content(result) == expected(mirror)
    assert mirror.server.most_at_once == 8
    assert mirror.server.connections == 8
    assert len(mirror.server.asked) == PACKAGES


def test_what_is_there_is_not_fetched_again_wherever_it_came_from(mirror: Mirror, serve: Serve) -> None:
    mirror.fetching.fetch(mirror.pins)
    other = serve(mirror.server.root)
    mirror.fetching.mirrors = [f"{other.url}/debian"]
    assert content(mirror.fetching.fetch(mirror.pins)) == expected(mirror)
    assert other.asked == []


def test_bytes_that_arrived_are_counted(mirror: Mirror) -> None:
    mirror.fetching.fetch(mirror.pins[:1])
    assert [event.downloaded_bytes for event in mirror.fetching.events if isinstance(event, StepFinished)] == [
        mirror.pins[0].size_bytes
    ]


def test_everything_that_goes_wrong_on_the_way_at_once(mirror: Mirror) -> None:
    """Silence, a line that drops, an overloaded server: each costs an attempt of its own package, no other."""
    mirror.fetching.stall_s = 0.5
    mirror.server.faults = {
        mirror.path(0): [Fault(sent_bytes=10_000, hangs=True)],
        mirror.path(1): [Fault(sent_bytes=20_000)],
        mirror.path(2): [Fault(status=HTTPStatus.SERVICE_UNAVAILABLE)],
        mirror.path(3): [Fault(sent_bytes=30_000), Fault(no_ranges=True)],
    }
    assert content(mirror.fetching.fetch(mirror.pins)) == expected(mirror)
    asked = [one for one in mirror.server.asked if one[1]]
    assert sorted(asked) == [
        (mirror.path(0), "bytes=10000-"),
        (mirror.path(1), "bytes=20000-"),
        (mirror.path(3), "bytes=30000-"),
    ]


def test_packages_that_cannot_be_had_are_all_told_and_the_others_are_kept(mirror: Mirror) -> None:
    page = b"<html>Please log in</html>".ljust(mirror.pins[1].size_bytes)
    mirror.server.faults = {
        mirror.path(0): [Fault(status=HTTPStatus.NOT_FOUND)],
        mirror.path(1): [Fault(content=page)],
    }
    with pytest.raises(StepsFailedError) as error:
        mirror.fetching.fetch(mirror.pins)
    failures = {one.step: one.error for one in error.value.result.failures}
    assert sorted(failures) == ["debian/pool/package00_1.0_armhf", "debian/pool/package01_1.0_armhf"]
    lost, page_error = (failures[name] for name in sorted(failures))
    assert lost.brief == "package00_1.0_armhf.deb cannot be had"
    assert lost.details == (f"{mirror.server.url}{mirror.path(0)}: the answer is 404 Not Found",)
    assert isinstance(page_error, VerificationError)
    assert f"instead of {mirror.pins[1].sha256}" in page_error.details[0]
    # The rest is complete: nothing of it is asked for again.
    mirror.server.asked.clear()
    assert content(mirror.fetching.fetch(mirror.pins)) == expected(mirror)
    assert sorted(path for path, _ in mirror.server.asked) == [mirror.path(0), mirror.path(1)]


def test_another_mirror_has_what_the_first_one_lost(mirror: Mirror, serve: Serve) -> None:
    second = serve(mirror.server.root)
    mirror.fetching.mirrors = [mirror.url, f"{second.url}/debian"]
    mirror.server.faults = {mirror.path(number): [Fault(status=HTTPStatus.GONE)] for number in (3, 7)}
    assert content(mirror.fetching.fetch(mirror.pins)) == expected(mirror)
    assert sorted(path for path, _ in second.asked) == [mirror.path(3), mirror.path(7)]


def test_a_local_mirror(mirror: Mirror) -> None:
    mirror.fetching.mirrors = [f"file://{quote(str(mirror.server.root))}/debian"]
    assert content(mirror.fetching.fetch(mirror.pins)) == expected(mirror)
    assert mirror.server.asked == []


def test_packages_of_a_repository_come_from_its_own_address(mirror: Mirror, serve: Serve) -> None:
    vendor = serve(mirror.server.root / "debian")
    pins = [pin.model_copy(update={"archive": "vendor"}) for pin in mirror.pins]
    repository = {"address": f"{vendor.url}/", "suite": "stable", "keys": "vendor.asc", "fingerprints": ("A" * 40,)}
    assert content(mirror.fetching.fetch(pins, {"vendor": repository})) == expected(mirror)
    assert len(vendor.asked) == PACKAGES
    assert mirror.server.asked == []


def test_offline_says_what_is_missing(mirror: Mirror) -> None:
    mirror.fetching.offline = True
    with pytest.raises(StepsFailedError) as error:
        mirror.fetching.fetch(mirror.pins[:1])
    assert "--offline forbids to fetch package00 1:1.0 (armhf)" in error.value.result.failures[0].error.brief


def test_a_killed_builder_is_resumed_where_it_was(mirror: Mirror, tmp_path: Path) -> None:
    mirror.server.faults = {mirror.path(number): [Fault(sent_bytes=20_000, hangs=True)] for number in range(8)}
    wanted = tmp_path / "pins.json"
    wanted.write_text(json.dumps([pin.model_dump() for pin in mirror.pins]))
    argv = [sys.executable, "-P", "-m", "tests.integration.debian.fetching", str(mirror.fetching.cache), str(wanted)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    partials = mirror.fetching.cache / "debian" / "partial"
    with subprocess.Popen([*argv, mirror.url], env=environment) as builder:
        wait_for(lambda: sizes(partials) == [20_000] * 8)
        builder.kill()
    mirror.server.asked.clear()
    assert content(mirror.fetching.fetch(mirror.pins)) == expected(mirror)
    assert sorted(mirror.server.asked)[:8] == [(mirror.path(number), "bytes=20000-") for number in range(8)]
    assert sizes(partials) == []


def sizes(directory: Path) -> list[int]:
    return [file.stat().st_size for file in directory.glob("*") if file.suffix != ".lock"]


def wait_for(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.05)

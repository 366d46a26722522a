from pathlib import Path

import pytest

from builder.audit import hostpaths
from builder.audit.hostpaths import HostPath, find_host_paths, searchable

PREFIX = "/home/somebody/project"


def test_paths_that_say_too_little_are_not_looked_for() -> None:
    paths = [Path(text) for text in ("/root", "/tmp", "relative/path", PREFIX, f"{PREFIX}/below", "/var/tmp/")]  # noqa: S108
    assert searchable(paths) == (PREFIX, "/var/tmp")  # noqa: S108


@pytest.mark.parametrize("place", [0, 90, 95, 99, 100, 101, 150, 199, 250])
def test_a_path_across_the_border_of_two_reads_is_found_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    monkeypatch.setattr(hostpaths, "_CHUNK_BYTES", 100)
    monkeypatch.setattr(hostpaths, "_SHOWN_BYTES", 30)
    file = tmp_path / "file"
    file.write_bytes(b"\0" * place + f"{PREFIX}/main.c\0".encode() + b"\0" * 300)
    (hit,) = find_host_paths(file, (PREFIX,), end=file.stat().st_size)
    assert hit == HostPath(offset=place, text=f"{PREFIX}/main.c")


def test_only_the_first_places_are_told(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(f"{PREFIX}\0".encode() * 100)
    assert len(find_host_paths(file, (PREFIX,), end=file.stat().st_size)) == 5


def test_nothing_beyond_the_end_is_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"\0" * 50 + PREFIX.encode())
    assert find_host_paths(file, (PREFIX,), end=50) == ()
    assert find_host_paths(file, (), end=100) == ()

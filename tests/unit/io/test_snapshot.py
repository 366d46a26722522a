import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.core.digest import Digest
from builder.io.snapshot import take_snapshot

# Longer than the clock that file systems take times from stands still (Linux: a tick, 10 ms at most).
_TICK_NS = 30_000_000


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory of everything that a checkout has, and a file that a link in it leads to."""
    root = tmp_path / "place"
    (root / "inner/empty").mkdir(parents=True)
    (root / "file").write_text("content")
    (root / "inner/other").write_text("other")
    (tmp_path / "elsewhere").write_text("behind a link")
    (root / "link").symlink_to(tmp_path / "elsewhere")
    (root / "dangling").symlink_to("nowhere")
    return root


def digest(place: Path) -> Digest:
    return take_snapshot([place]).digest


def rewrite(place: Path) -> None:
    """Another content of the same size and time, in the same file."""
    before = (place / "file").stat()
    (place / "file").write_text("CONTENT")
    os.utime(place / "file", ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_by_link(place: Path) -> None:
    (place / "file").rename(place.parent / "file")
    (place / "file").symlink_to(place.parent / "file")


CHANGES: dict[str, Callable[[Path], object]] = {
    "another content of the same size and time": rewrite,
    "a file more": lambda place: (place / "inner/more").touch(),
    "an empty directory more": lambda place: (place / "more").mkdir(),
    "a file less": lambda place: (place / "inner/other").unlink(),
    "an empty directory less": lambda place: (place / "inner/empty").rmdir(),
    "another name": lambda place: (place / "file").rename(place / "File"),
    "another place": lambda place: (place / "file").rename(place / "inner/file"),
    "another mode": lambda place: (place / "file").chmod(0o755),
    "another mode of a directory": lambda place: (place / "inner").chmod(0o700),
    "another content behind a link": lambda place: (place.parent / "elsewhere").write_text("changed"),
    "a link that leads to something now": lambda place: (place / "nowhere").touch(),
    "a link in place of the same file": replace_by_link,
    "a pipe": lambda place: os.mkfifo(place / "pipe"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_shows(place: Path, change: Callable[[Path], object]) -> None:
    before = digest(place)
    change(place)
    assert digest(place) != before


def test_what_is_the_same_has_the_same_digest(place: Path) -> None:
    before = digest(place)
    os.utime(place / "file", (1, 1))
    (place / "file").rename(place / "passing")
    (place / "passing").rename(place / "file")
    assert digest(place) == before


def test_single_files_and_places_where_nothing_lies(place: Path) -> None:
    def of(*names: str) -> Digest:
        return take_snapshot(place / name for name in names).digest

    before = of("file", "missing", "file/below")
    assert before == of("missing", "file/below", "file", "file"), "in any order, and twice"
    assert before != of("missing", "file/below")
    (place / "missing").touch()
    assert before != of("file", "missing", "file/below")


def test_a_place_that_is_a_link_to_a_directory(place: Path) -> None:
    link = place.parent / "way"
    link.symlink_to(place)
    before = take_snapshot([link]).digest
    (place / "inner/other").write_text("changed")
    assert take_snapshot([link]).digest != before


def test_names_that_do_not_count(place: Path) -> None:
    def of() -> Digest:
        return take_snapshot([place], without=("__pycache__",)).digest

    before = of()
    (place / "inner/__pycache__").mkdir()
    (place / "inner/__pycache__/made").touch()
    assert of() == before
    assert digest(place) != before


def test_a_file_of_several_pieces(place: Path) -> None:
    (place / "file").write_bytes(bytes(3 << 20))
    before = digest(place)
    with (place / "file").open("r+b") as file:
        file.seek((2 << 20) + 17)
        file.write(b"x")
    assert digest(place) != before


def test_it_knows_when_something_changed_last(place: Path) -> None:
    assert take_snapshot([place]).changed_ns == max(
        path.lstat().st_ctime_ns for path in (place, place.parent / "elsewhere", *place.rglob("*"))
    )


def test_names_that_do_not_count_do_not_date_their_directory(place: Path) -> None:
    before = take_snapshot([place])
    while time.time_ns() - before.changed_ns < _TICK_NS:
        time.sleep(0.01)
    (place / "__pycache__").mkdir()
    assert take_snapshot([place], without=("__pycache__",)).changed_ns == before.changed_ns
    assert take_snapshot([place]).changed_ns > before.changed_ns


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_cannot_be_read_is_told(place: Path) -> None:
    (place / "file").chmod(0)
    with pytest.raises(PermissionError):
        digest(place)

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.core.digest import Digest
from builder.debian.download import Expected
from builder.debian.partials import partial_file
from tests.integration.debian.conftest import Connect

DIGEST = Digest.of_bytes(b"content")


def test_the_beginning_of_a_file_outlasts_who_fetched_it(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError), partial_file(tmp_path / "partial", DIGEST) as place:
        _write_until_an_error(place)
    with partial_file(tmp_path / "partial", DIGEST) as place:
        assert place
        assert place.read_bytes() == b"con"
        place.rename(tmp_path / "whole")
    assert list((tmp_path / "partial").iterdir()) == []


def _write_until_an_error(place: Path | None) -> None:
    assert place
    place.write_bytes(b"con")
    place.parent.read_bytes()


def test_only_one_at_a_time_has_it(tmp_path: Path) -> None:
    with partial_file(tmp_path, DIGEST) as first, partial_file(tmp_path, DIGEST) as second:
        assert first
        assert second is None
    with partial_file(tmp_path, DIGEST) as again, partial_file(tmp_path, Digest.of_bytes(b"other")) as other:
        assert again == first
        assert other not in (again, None)


HOLDER = """
import sys, time
from pathlib import Path
from builder.core.digest import Digest
from builder.debian.partials import partial_file
with partial_file(Path(sys.argv[1]), Digest(sys.argv[2])) as place:
    place.write_bytes(b"con")
    print("there", flush=True)
    time.sleep(300)
"""


def test_a_killed_builder_holds_nothing_and_leaves_its_beginning(tmp_path: Path) -> None:
    argv = [sys.executable, "-P", "-c", HOLDER, str(tmp_path), DIGEST]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env=environment) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"there\n"
        with partial_file(tmp_path, DIGEST) as place:
            assert place is None
        holder.kill()
    with partial_file(tmp_path, DIGEST) as place:
        assert place
        assert place.read_bytes() == b"con"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A directory on another file system."""
    memory = Path("/dev/shm")  # noqa: S108 - a directory of its own is made there
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system")
    directory = Path(tempfile.mkdtemp(dir=memory))
    yield directory
    shutil.rmtree(directory)


def test_the_store_may_lie_on_another_file_system(elsewhere: Path, tmp_path: Path, connect: Connect) -> None:
    (tmp_path / "served").write_bytes(b"content")
    expected = Expected(size_bytes=7, digest=DIGEST)
    target = connect().fetch(
        [f"file://{tmp_path}/served"], elsewhere / "target", expected, beginning=tmp_path / "beginning"
    )
    assert target.read_bytes() == b"content"
    assert not (tmp_path / "beginning").exists()

import errno
import os
import stat
from pathlib import Path

import pytest

from builder.core.digest import Digest
from builder.core.errors import BuilderError, InterruptedBuildError
from builder.io import files
from builder.io.cancel import CancelToken
from builder.io.files import CHUNK_BYTES, atomic_write, copy_file, digest_content, remove_tree
from builder.io.locks import acquire, locked, open_lock, release, try_acquire
from builder.io.space import check_space, describe_file_system, free_space, full_disk_error, mounts


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_written_file_has_its_mode_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        atomic_write(tmp_path / "a", b"one")
        atomic_write(tmp_path / "b", b"two", mode=0o755)
        copy_file(tmp_path / "a", tmp_path / "c", mode=0o444)
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"a": 0o644, "b": 0o755, "c": 0o444}


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    atomic_write(tmp_path / "a", b"old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "write_all", full)
    with pytest.raises(OSError, match="No space left"):
        atomic_write(tmp_path / "a", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"old")]


def test_writing_replaces_a_link_and_not_its_target(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("precious")
    (tmp_path / "link").symlink_to("target")
    atomic_write(tmp_path / "link", b"new")
    assert (tmp_path / "target").read_text() == "precious"
    assert not (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("size_bytes", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, 2 * CHUNK_BYTES + 5])
def test_a_copy_is_whole_and_its_digest_that_of_its_content(tmp_path: Path, size_bytes: int) -> None:
    data = os.urandom(size_bytes)
    (tmp_path / "a").write_bytes(data)
    assert copy_file(tmp_path / "a", tmp_path / "b") == Digest.of_bytes(data)
    assert (tmp_path / "b").read_bytes() == data
    with (tmp_path / "b").open("rb") as stream:
        assert digest_content(stream.fileno()) == Digest.of_bytes(data)
    with pytest.raises(FileExistsError):
        copy_file(tmp_path / "a", tmp_path / "b")


def test_removing_a_read_only_tree(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    deep = root / "a/b/c"
    deep.mkdir(parents=True)
    (deep / "file").write_text("x")
    (deep / "file").chmod(0o400)
    for place, mode in ((deep, 0o555), (root / "a/b", 0o111), (root / "a", 0o000), (root, 0o555)):
        place.chmod(mode)
    remove_tree(root)
    assert list(tmp_path.iterdir()) == []
    remove_tree(root)
    remove_tree(tmp_path / "no/such/place")


def test_removing_never_follows_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    outside.chmod(0o555)
    root = tmp_path / "tree"
    root.mkdir()
    (root / "link").symlink_to(outside)
    (root / "dangling").symlink_to("nowhere")
    os.mkfifo(root / "pipe")
    remove_tree(root)
    (tmp_path / "link").symlink_to(outside)
    remove_tree(tmp_path / "link")
    assert (outside / "precious").exists()
    assert stat.S_IMODE(outside.stat().st_mode) == 0o555
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outside"]
    outside.chmod(0o755)


def test_removing_a_single_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    remove_tree(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_space_is_looked_at_where_the_path_will_be(tmp_path: Path) -> None:
    assert free_space(tmp_path / "not/yet/there") == free_space(tmp_path) > 0
    check_space(tmp_path / "not/yet", 1)
    with pytest.raises(BuilderError) as caught:
        check_space(tmp_path, 1 << 60, what="the test")
    assert caught.value.brief == f"the file system {describe_file_system(tmp_path)} is too full for the test"
    assert "needed: 1048576.0 TiB" in caught.value.details[0]
    assert "free now: " in full_disk_error(tmp_path, what="a test ran").details[0]


def test_mounts_are_read_with_odd_names() -> None:
    text = (
        "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
        "41 22 0:36 / /mnt/with\\040space rw - tmpfs tmpfs rw,size=64k\n"
    )
    assert mounts(text) == [(Path("/"), "ext4"), (Path("/mnt/with space"), "tmpfs")]


def test_a_lock_has_one_holder_and_tells_who_waits(tmp_path: Path) -> None:
    told: list[str] = []
    cancel = CancelToken()

    def wait() -> None:
        told.append("waiting")
        cancel.set()

    with (
        locked(tmp_path / "lock"),
        pytest.raises(InterruptedBuildError),
        locked(tmp_path / "lock", cancel=cancel, on_wait=wait),
    ):
        pass
    assert told == ["waiting"]
    with locked(tmp_path / "lock", on_wait=lambda: told.append("again")):
        pass
    assert told == ["waiting"]


def test_shared_locks_keep_an_exclusive_one_out(tmp_path: Path) -> None:
    with locked(tmp_path / "lock", shared=True), locked(tmp_path / "lock", shared=True):
        descriptor = open_lock(tmp_path / "lock")
        assert not try_acquire(descriptor)
    acquire(descriptor)
    release(descriptor)


def test_a_lock_file_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to("elsewhere")
    with pytest.raises(OSError, match="Too many levels"), locked(tmp_path / "lock"):
        pass
    assert not (tmp_path / "elsewhere").exists()

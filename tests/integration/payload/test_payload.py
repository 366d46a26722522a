"""What the builder appends, the executable lists, verifies, unpacks and starts."""

import fcntl
import hashlib
import json
import os
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from builder.payload.reader import read_payload
from tests.integration.app.namespaces import private_mounts
from tests.integration.payload.conftest import Kedge

MIB = 1 << 20
POLL_S = 0.01


def _tree(root: Path) -> dict[str, tuple[int, int, int]]:
    """Inode, time of the last change and mode of everything: whatever writes changes one of them."""
    found = {}
    for path in [root, *root.rglob("*")]:
        status = path.lstat()
        found[str(path.relative_to(root))] = (status.st_ino, status.st_ctime_ns, status.st_mode)
    return found


def test_both_sides_read_the_same(kedge: Kedge) -> None:
    written = read_payload(kedge.path)
    assert written is not None
    report = json.loads(kedge.run("payload", "list", "-o", "json").out)
    assert report["versions"] == {"runc": "v1.5.2"}
    assert {(file["path"], file["sha256"]) for file in report["files"] if "sha256" in file} == {
        (file.path, file.sha256) for file in written.index.contents
    }


def test_a_bare_build_is_a_state_with_a_name(bare: Kedge, tmp_path: Path) -> None:
    result = bare.run("payload", "list", "-o", "json")
    assert (result.code, json.loads(result.out)["state"]) == (0, "absent")
    result = bare.run("payload", "unpack", "--data-dir", str(tmp_path / "data"))
    assert (result.code, "carries no helpers" in result.err) == (1, True)
    assert not (tmp_path / "data").exists()


def test_helpers_start_from_where_they_are_unpacked(kedge: Kedge, tmp_path: Path) -> None:
    root = kedge.unpack(tmp_path / "data")
    for helper in ("bin/runc", "cni/bridge"):
        assert Kedge(path=root / helper).run("version").out.startswith("kedge  ")
    assert (root / "cni" / "bridge").readlink() == Path("../bin/cni")


def test_the_second_start_writes_nothing(kedge: Kedge, tmp_path: Path) -> None:
    root = kedge.unpack(tmp_path / "data")
    before = _tree(tmp_path / "data")
    assert kedge.unpack(tmp_path / "data") == root
    assert _tree(tmp_path / "data") == before


def _require_root() -> None:
    """In a user namespace the parents of every directory belong to nobody, whom kedge does not trust."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount, or change the root directory")


def test_a_read_only_data_directory_serves_when_it_is_furnished(kedge: Kedge, tmp_path: Path) -> None:
    _require_root()
    data = tmp_path / "data"
    with private_mounts() as mounts:
        inside = replace(kedge, wrapper=mounts.inside(tmp_path))
        mounts.mount(data, 160 * MIB)
        root = inside.unpack(data)
        subprocess.run([*mounts.inside(tmp_path), "mount", "-o", "remount,ro", str(data)], check=True)
        assert inside.unpack(data) == root
        assert inside.run("payload", "verify", "--data-dir", str(data)).code == 0


def test_a_full_disk_is_told_and_the_retry_works(kedge: Kedge, tmp_path: Path) -> None:
    _require_root()
    data = tmp_path / "data"
    with private_mounts() as mounts:
        inside = replace(kedge, wrapper=mounts.inside(tmp_path))
        seen = mounts.mount(data, 4 * MIB)
        result = inside.run("payload", "unpack", "--data-dir", str(data))
        assert result.code == 1
        assert f"the file system at {data} (tmpfs) has 4.0 MiB free; the helpers need" in result.err
        assert list(seen.iterdir()) == []
        subprocess.run([*mounts.inside(tmp_path), "mount", "-o", "remount,size=160m", str(data)], check=True)
        assert inside.unpack(data).parent == data / "helpers"


def test_every_cut_is_noticed(bare: Kedge, kedge: Kedge, tmp_path: Path) -> None:
    whole, start = kedge.path.read_bytes(), bare.path.stat().st_size
    cut = tmp_path / "cut"
    for size in (start + 1, start + 5, (start + len(whole)) // 2, len(whole) - 65, len(whole) - 64, len(whole) - 1):
        cut.write_bytes(whole[:size])
        for command in ("list", "verify"):
            result = bare.run("payload", command, "--file", str(cut))
            assert (result.code, "fetch the file again" in result.err) == (1, True), (size, command)
    cut.write_bytes(whole[:start])
    assert "plain development build" in bare.run("payload", "list", "--file", str(cut)).out


def test_every_altered_byte_is_noticed(bare: Kedge, kedge: Kedge, tmp_path: Path) -> None:
    whole, start = bytearray(kedge.path.read_bytes()), bare.path.stat().st_size
    altered = tmp_path / "altered"
    distance = (len(whole) - start) // 20
    for at in [*range(start, len(whole), distance), len(whole) - 1, len(whole) - 40, len(whole) - 60, len(whole) - 100]:
        whole[at] ^= 4
        altered.write_bytes(whole)
        whole[at] ^= 4
        assert bare.run("payload", "verify", "--file", str(altered)).code == 1, at
    altered.write_bytes(whole)
    assert bare.run("payload", "verify", "--file", str(altered)).code == 0


def test_an_altered_payload_unpacks_nothing(kedge: Kedge, payload: Path, tmp_path: Path) -> None:
    data = bytearray(kedge.path.read_bytes())
    whole = bytes(data)
    data[-(payload / "frames").stat().st_size // 2] ^= 1
    kedge.path.write_bytes(data)
    result = kedge.run("payload", "unpack", "--data-dir", str(tmp_path / "data"))
    assert (result.code, "the payload is damaged at" in result.err) == (1, True)
    assert list((tmp_path / "data" / "helpers").iterdir()) == []
    kedge.path.write_bytes(whole)
    kedge.unpack(tmp_path / "data")


def test_digests_of_frame_and_content(kedge: Kedge, tmp_path: Path) -> None:
    written = read_payload(kedge.path)
    assert written is not None
    file, whole, data = written.index.contents[0], kedge.path.read_bytes(), tmp_path / "data"
    kedge.path.write_bytes(_with_index(whole, file.frame_sha256, "a" * 64))
    for command in (("verify",), ("unpack", "--data-dir", str(data))):
        result = kedge.run("payload", *command)
        assert (result.code, f"{file.path}: the frame has SHA-256 {file.frame_sha256}" in result.err) == (1, True)
    assert list((data / "helpers").iterdir()) == []
    # Unpacking leaves the content to the frame's own checksum.
    kedge.path.write_bytes(_with_index(whole, file.sha256, "a" * 64))
    kedge.unpack(data)
    result = kedge.run("payload", "verify")
    assert (result.code, f"{file.path}: the content has SHA-256 {file.sha256}" in result.err) == (1, True)


def test_two_at_once(kedge: Kedge, tmp_path: Path) -> None:
    argv = [str(kedge.path), "payload", "unpack", "--data-dir", str(tmp_path / "data")]
    started = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = {process.communicate()[0] for process in started}
    assert [process.returncode for process in started] == [0, 0, 0]
    assert len(said) == 1
    assert len(list((tmp_path / "data" / "helpers").iterdir())) == 1


def test_an_empty_root_directory(kedge: Kedge, tmp_path: Path) -> None:
    _require_root()
    root = tmp_path / "root"
    root.mkdir()
    kedge.path.rename(root / "kedge")
    inside = Kedge(path=Path("/kedge"), wrapper=("unshare", f"--root={root}"))
    unpacked = inside.unpack(Path("/var/lib/kedge"))
    assert (root / unpacked.relative_to("/") / "bin" / "runc").stat().st_mode & 0o777 == 0o755
    assert replace(inside, path=unpacked / "bin" / "runc").run("version").out.startswith("kedge  ")
    assert inside.run("payload", "list").out.startswith("payload ")


@contextmanager
def _waiting(kedge: Kedge, data: Path) -> Iterator[int]:
    """The process id of a kedge that has read its index and waits for the lock."""
    helpers = data / "helpers"
    helpers.mkdir(parents=True)
    lock = os.open(helpers, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    process = subprocess.Popen(
        [str(kedge.path), "payload", "unpack", "--data-dir", str(data)], stdout=subprocess.DEVNULL
    )
    try:
        while not _has_open(process.pid, helpers):
            assert process.poll() is None
            time.sleep(POLL_S)
        yield process.pid
    finally:
        os.close(lock)
        assert process.wait() == 0


def _has_open(pid: int, path: Path) -> bool:
    """Whether a process has an open file."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if link.readlink() == path:
                return True
        except FileNotFoundError:
            continue
    return False


def test_the_payload_is_not_mapped(bare: Kedge, kedge: Kedge, tmp_path: Path) -> None:
    page, end = os.sysconf("SC_PAGE_SIZE"), bare.path.stat().st_size
    with _waiting(kedge, tmp_path / "data") as pid:
        maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    lines = [line.split() for line in maps if line.endswith(str(kedge.path))]
    assert lines
    for address, _, offset, *_ in lines:
        first, last = (int(part, 16) for part in address.split("-"))
        assert int(offset, 16) + last - first <= -(-end // page) * page


def test_a_change_of_version_and_its_pruning(kedge: Kedge, tmp_path: Path) -> None:
    data = tmp_path / "data"
    old = kedge.unpack(data)
    newer = tmp_path / "newer"
    newer.write_bytes(_with_index(kedge.path.read_bytes(), '"v1.5.2"', '"v1.5.3"'))
    newer.chmod(0o755)
    root = Kedge(path=newer).unpack(data)
    assert root != old
    result = Kedge(path=newer).run("payload", "prune", "--data-dir", str(data))
    assert (result.code, result.out) == (0, f"removed {old}\n")
    assert [path.name for path in (data / "helpers").iterdir()] == [root.name]


def _with_index(whole: bytes, old: str, new: str) -> bytes:
    """The same helpers, packed by hand, where the index says `new`, of the same length, for `old`."""
    offset, length = struct.unpack("<QQ", whole[-64:-48])
    index = whole[offset : offset + length].replace(old.encode(), new.encode())
    assert index != whole[offset : offset + length]
    return whole[:offset] + index + whole[-64:-48] + hashlib.sha256(index).digest() + whole[-16:]


def test_versions_of_the_helpers(bare: Kedge, kedge: Kedge) -> None:
    assert json.loads(kedge.run("version", "--all", "-o", "json").out)["helpers"] == {"runc": "v1.5.2"}
    assert "helpers" not in json.loads(bare.run("version", "--all", "-o", "json").out)

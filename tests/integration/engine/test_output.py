"""The output directory on file systems that refuse."""

import os
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.core.resources import MIB
from builder.io.outdir import Artifact, open_output
from tests.integration.engine.mounts import remount_read_only, small_file_system


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(6 * MIB))
    path = PurePosixPath("edge/armv7/kedge")
    return Artifact(path=path, source=source, digest=Digest.of_file(source), size_bytes=6 * MIB)


def test_a_read_only_output_is_told_before_anything_is_written(tmp_path: Path, artifact: Artifact) -> None:
    with small_file_system(tmp_path / "out", 16 * MIB) as root:
        with open_output(root, state=tmp_path / "state") as output:
            output.write_bytes(PurePosixPath("edge/old"), b"old")
        remount_read_only(root)
        with open_output(root, state=tmp_path / "state") as output:
            for path in ("edge/armv7/kedge", "edge/new", "edge/old"):
                wanted = replace(artifact, path=PurePosixPath(path))
                with pytest.raises(BuilderError, match="cannot be written") as caught:
                    output.check([wanted])
                assert str(root) in caught.value.brief
                with pytest.raises(BuilderError, match="cannot be written"):
                    output.write_file(wanted)
        assert (root / "edge/old").read_bytes() == b"old"


def test_a_root_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with (
        small_file_system(tmp_path / "fest", MIB, read_only=True) as place,
        pytest.raises(BuilderError, match="cannot be written"),
        open_output(place / "out", state=tmp_path / "state"),
    ):
        pass


def test_a_directory_without_permission_is_named(tmp_path: Path, artifact: Artifact) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    root = tmp_path / "out"
    (root / "edge").mkdir(parents=True)
    (root / "edge").chmod(0o555)
    with open_output(root, state=tmp_path / "state") as output, pytest.raises(BuilderError, match="edge cannot be"):
        output.check([artifact])
    (root / "edge").chmod(0o755)


def test_a_disk_that_fills_up_leaves_the_old_file_whole(tmp_path: Path, artifact: Artifact) -> None:
    with small_file_system(tmp_path / "voll", 8 * MIB) as root:
        with open_output(root, state=tmp_path / "state") as output:
            assert output.write_file(artifact)
        old = artifact.source.read_bytes()
        artifact.source.write_bytes(os.urandom(6 * MIB))
        new = replace(artifact, digest=Digest.of_file(artifact.source))
        with open_output(root, state=tmp_path / "state") as output:
            with pytest.raises(BuilderError, match=r"voll \(tmpfs\) is too full for the output"):
                output.check([new])
            # Someone else filled the disk after that look.
            with pytest.raises(BuilderError, match=r"voll \(tmpfs\) became full while .*kedge was written"):
                output.write_file(new)
        assert (root / "edge/armv7/kedge").read_bytes() == old
        assert [path.name for path in (root / "edge/armv7").iterdir()] == ["kedge"]

"""The writer, judged by the samples that the reader on the device is judged by."""

from pathlib import Path

import pytest

from builder.core.arch import Arch
from builder.core.errors import BuilderError
from builder.payload.pack import Packing, assemble
from tests.contracts.payload.generate import HERE, RUNC, TREE, VERSIONS, Tree, elf64


def lay_out(tree: Tree, place: Path) -> Path:
    for name, what in tree.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(what, str):
            path.symlink_to(what)
        else:
            path.write_bytes(what[1])
            path.chmod(what[0])
    return place


def packed(place: Path, tree: Tree, *, versions: dict[str, str], cores: int = 1) -> bytes:
    output = place / f"output-{cores}"
    output.mkdir()
    Packing(tree=lay_out(tree, place / f"tree-{cores}"), arch=Arch.AMD64, versions=versions).run(output, cores=cores)
    executable = place / f"executable-{cores}"
    executable.write_bytes(elf64())
    target = place / f"target-{cores}"
    assemble(executable, output, target)
    assert target.stat().st_mode & 0o777 == 0o755
    return target.read_bytes()


SAMPLES: dict[str, tuple[Tree, dict[str, str]]] = {
    "good-amd64": (TREE, VERSIONS),
    "good-shared-content": ({"bin/a": (0o755, RUNC), "bin/b": (0o644, RUNC), "bin/empty": (0o644, b"")}, {}),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_writer_makes_the_sample(name: str, tmp_path: Path) -> None:
    tree, versions = SAMPLES[name]
    assert packed(tmp_path, tree, versions=versions) == (HERE / "samples" / name).read_bytes()


def test_cores_do_not_matter(tmp_path: Path) -> None:
    assert packed(tmp_path, TREE, versions={}, cores=1) == packed(tmp_path, TREE, versions={}, cores=4)


@pytest.mark.parametrize("target", ["/bin/sh", "../../outside", "nothing"])
def test_a_link_that_leads_out_is_refused(target: str, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("x")
    tree = lay_out({"bin/cni": (0o755, b"x")}, tmp_path / "tree")
    (tree / "bin" / "link").symlink_to(target)
    with pytest.raises(BuilderError, match="bin/link in the payload leads nowhere in it"):
        Packing(tree=tree, arch=Arch.AMD64, versions={}).run(tmp_path, cores=1)


@pytest.mark.parametrize(
    ("executable", "says"),
    [
        (b"", "no executable that could carry"),
        (b"#!/bin/sh\n", "no executable that could carry"),
        (elf64()[:-1], "is damaged"),
        (elf64(183), "is not for amd64"),
        ((HERE / "samples" / "good-amd64").read_bytes(), "appended already"),
    ],
    ids=["empty", "script", "cut", "foreign", "with a payload"],
)
def test_only_a_plain_executable_of_the_architecture_carries_a_payload(
    tmp_path: Path, executable: bytes, says: str
) -> None:
    Packing(tree=lay_out(TREE, tmp_path / "tree"), arch=Arch.AMD64, versions={}).run(tmp_path, cores=1)
    (tmp_path / "kedge").write_bytes(executable)
    with pytest.raises(BuilderError, match=says):
        assemble(tmp_path / "kedge", tmp_path, tmp_path / "whole")
    assert not (tmp_path / "whole").exists()


def test_an_empty_payload_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    with pytest.raises(ValueError, match="at least 1 item"):
        Packing(tree=tmp_path / "tree", arch=Arch.AMD64, versions={}).run(tmp_path, cores=1)

"""kedge without its components, and the same with a payload that the builder wrote."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from builder.core.arch import host_arch
from builder.payload.pack import Packing, assemble

REPOSITORY = Path(__file__).resolve().parents[3]
_MAIN = """\
package main

import (
	"os"

	"kedge/internal/cli"
	"kedge/internal/multicall"
	"kedge/internal/version"
)

func main() {
	env := cli.Env{Stdout: os.Stdout, Stderr: os.Stderr, Table: multicall.Table{}, Build: version.Current()}
	os.Exit(cli.Run(env, os.Args[1:]))
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kedge:
    """An executable, and what stands before its path on the command line."""

    path: Path
    wrapper: tuple[str, ...] = ()

    def run(self, *arguments: str) -> Result:
        done = subprocess.run([*self.wrapper, str(self.path), *arguments], capture_output=True, text=True, check=False)
        return Result(code=done.returncode, out=done.stdout, err=done.stderr)

    def unpack(self, data: Path) -> Path:
        """Unpack below `data`; where the helpers are then."""
        result = self.run("payload", "unpack", "--data-dir", str(data))
        assert result.code == 0, result.err
        return Path(result.out.strip())


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Kedge:
    """The executable without a payload, static as the real one. Its main package exists for the compiler only."""
    place = tmp_path_factory.mktemp("bare")
    (place / "main.go").write_text(_MAIN)
    virtual = REPOSITORY / "cluster" / "cmd" / "bare" / "main.go"
    overlay = place / "overlay.json"
    overlay.write_text(json.dumps({"Replace": {str(virtual): str(place / "main.go")}}))
    go = [str(REPOSITORY / "builderw"), "tool", "--directory", str(REPOSITORY / "cluster"), "go"]
    options = ["-trimpath", "-ldflags=-s -w", f"-overlay={overlay}", "-o", str(place / "kedge")]
    subprocess.run([*go, "build", *options, "./cmd/bare"], check=True)
    return Kedge(path=place / "kedge")


@pytest.fixture(scope="session")
def payload(bare: Kedge, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames and index of helpers: real executables, a library, links."""
    place = tmp_path_factory.mktemp("payload")
    tree, output = place / "tree", place / "output"
    for name in ("bin", "cni", "lib/nft"):
        (tree / name).mkdir(parents=True)
    output.mkdir()
    shutil.copy(bare.path, tree / "bin" / "cni")
    runc = bytearray(bare.path.read_bytes())
    runc[-1] ^= 1  # another content: no code stands there
    (tree / "bin" / "runc").write_bytes(runc)
    (tree / "bin" / "runc").chmod(0o755)
    (tree / "lib" / "nft" / "libnft.so.1").write_bytes(b"library" * 5000)
    (tree / "lib" / "nft" / "libnft.so.1").chmod(0o644)
    (tree / "cni" / "bridge").symlink_to("../bin/cni")
    Packing(tree=tree, arch=host_arch(), versions={"runc": "v1.5.2"}).run(output, cores=2)
    return output


@pytest.fixture
def kedge(bare: Kedge, payload: Path, tmp_path: Path) -> Kedge:
    """An executable with the payload, of the test's own."""
    assemble(bare.path, payload, tmp_path / "kedge")
    return Kedge(path=tmp_path / "kedge")

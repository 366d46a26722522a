import gzip
import io
import struct
import tarfile
from pathlib import Path

import pytest
import zstandard

from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.formats.tar import REGULAR, SYMLINK, TarMember
from builder.oci.capabilities import capability_bytes
from builder.oci.documents import Compression, Layer
from builder.oci.layer import LayerFile, write_layer

EPOCH_S = 1_700_000_000


def file(path: str, data: bytes = b"x", **fields: object) -> LayerFile:
    member = TarMember(name=path, type=REGULAR, mtime_s=EPOCH_S, size_bytes=len(data), **fields)  # type: ignore[arg-type]
    return LayerFile(member=member, data=data)


def written(directory: Path, layer: Layer) -> bytes:
    """The archive inside `layer`."""
    packed = (directory / layer.blob.path).read_bytes()
    assert Digest.of_bytes(packed) == layer.blob.digest
    assert len(packed) == layer.blob.size_bytes
    if layer.blob.media_type.endswith("gzip"):
        return gzip.decompress(packed)
    with zstandard.ZstdDecompressor().stream_reader(packed) as stream:
        return stream.read()


@pytest.mark.parametrize("compression", Compression)
def test_a_layer_holds_its_files_with_their_parents(tmp_path: Path, compression: Compression) -> None:
    big = tmp_path / "big"
    big.write_bytes(bytes(range(256)) * 20_000)
    member = TarMember(name="usr/bin/big", type=REGULAR, mode=0o755, mtime_s=EPOCH_S, size_bytes=big.stat().st_size - 7)
    link = LayerFile(member=TarMember(name="app", type=SYMLINK, mode=0o777, link="usr/bin/big", mtime_s=EPOCH_S))
    files = [LayerFile(member=member, source=big, offset=7), link, file("etc/a", uid=7, gid=8, mode=0o600)]
    layer = write_layer(files, tmp_path, compression, cores=2)
    archive = written(tmp_path, layer)
    assert Digest.of_bytes(archive) == layer.diff_id
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        names = [(one.name, oct(one.mode), one.uid, one.gid, one.mtime) for one in tar]
        content = tar.extractfile("usr/bin/big")
        assert content is not None
        assert content.read() == big.read_bytes()[7:]
        assert tar.getmember("app").linkname == "usr/bin/big"
    assert names == [
        ("app", "0o777", 0, 0, EPOCH_S),
        ("etc", "0o755", 0, 0, EPOCH_S),
        ("etc/a", "0o600", 7, 8, EPOCH_S),
        ("usr", "0o755", 0, 0, EPOCH_S),
        ("usr/bin", "0o755", 0, 0, EPOCH_S),
        ("usr/bin/big", "0o755", 0, 0, EPOCH_S),
    ]


@pytest.mark.parametrize("compression", Compression)
def test_the_bytes_depend_on_neither_order_nor_cores(tmp_path: Path, compression: Compression) -> None:
    files = [file(f"f{number}", bytes([number]) * 300_000) for number in range(20)]
    layers = []
    for cores, order in ((1, files), (2, files[::-1]), (3, files)):
        directory = tmp_path / str(cores)
        directory.mkdir()
        layers.append(write_layer(order, directory, compression, cores=cores))
    assert layers[0] == layers[1] == layers[2]


def test_capabilities_are_those_of_the_kernel(tmp_path: Path) -> None:
    layer = write_layer(
        [file("app", capabilities=capability_bytes(["net_bind_service"]))], tmp_path, Compression.ZSTD, cores=1
    )
    with tarfile.open(fileobj=io.BytesIO(written(tmp_path, layer))) as tar:
        value = tar.getmember("app").pax_headers["SCHILY.xattr.security.capability"]
    # What setcap cap_net_bind_service+ep writes.
    assert value.encode(errors="surrogateescape") == struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)


def test_two_files_of_one_path_are_told(tmp_path: Path) -> None:
    with pytest.raises(BuilderError, match="two files of the layer want to be /a"):
        write_layer([file("a"), file("a")], tmp_path, Compression.ZSTD, cores=1)


def test_a_file_is_no_directory_for_others(tmp_path: Path) -> None:
    with pytest.raises(BuilderError, match="/a/b cannot be placed: /a is no directory"):
        write_layer([file("a"), file("a/b")], tmp_path, Compression.ZSTD, cores=1)

import pytest

from builder.core.digest import Digest, canonical_json
from builder.core.errors import BuilderError
from builder.core.resources import Resources, format_size, parse_size


def test_canonical_json_is_one_byte_sequence_per_value() -> None:
    assert canonical_json({"b": 1, "a": ["ä", None]}) == '{"a":["ä",null],"b":1}'.encode()
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))


@pytest.mark.parametrize("text", ["", "sha256:", "sha256:" + "0" * 63, "sha256:" + "G" * 64, "md5:" + "0" * 64])
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(BuilderError, match="not a digest"):
        Digest(text)


@pytest.mark.parametrize(
    ("text", "size"), [("0 B", 0), ("5 GiB", 5 << 30), ("512MiB", 512 << 20), ("1.5 KiB", 1536), ("2 TiB", 2 << 40)]
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["5", "5 GB", "-1 B", "GiB", "5 gib", "1e3 B"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(BuilderError, match="is not a size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (192 << 20, "192.0 MiB"), (3 << 40, "3.0 TiB")]
)
def test_sizes_are_written(size: int, text: str) -> None:
    assert format_size(size) == text


def test_resources_tell_what_there_is_too_little_of() -> None:
    machine = Resources(cores=2, memory_bytes=100, connections=8)
    assert machine.lacking(machine) == set()
    assert Resources(cores=3, memory_bytes=1).lacking(machine) == {"cores"}
    assert Resources(cores=0, memory_bytes=101, connections=9).lacking(machine) == {"memory_bytes", "connections"}
    assert Resources(cores=0, disk_bytes=1 << 60).lacking(machine - Resources(cores=2, memory_bytes=0)) == {
        "memory_bytes"
    }
    assert machine + Resources(cores=1, memory_bytes=1, connections=1) == Resources(
        cores=3, memory_bytes=101, connections=9
    )


def test_resources_of_kinds_that_are_not_asked_for() -> None:
    download = Resources(cores=0, memory_bytes=1, connections=1)
    assert download.takes_none_of({"cores"})
    assert not download.takes_none_of({"cores", "connections"})
    assert download.takes_none_of(())


def test_errors_show_everything_a_person_needs() -> None:
    error = BuilderError("brief", details=["one", "two"], hint="do this")
    assert str(error) == "brief\n  one\n  two\nhint: do this"

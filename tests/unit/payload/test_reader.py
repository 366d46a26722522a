"""The builder's reader against the samples that the reader on devices is judged by."""

import json
from pathlib import Path

import pytest

from builder.payload.index import DamagedPayloadError, UnknownFormatError
from builder.payload.reader import Payload, read_payload
from tests.contracts.payload import generate

VERDICTS = json.loads((generate.HERE / "verdicts.json").read_text())


def judge(path: Path) -> tuple[str, str]:
    """Verdict and where it was found, as verdicts.json has them."""
    try:
        payload = read_payload(path)
    except DamagedPayloadError:
        return "damaged", "open"
    except UnknownFormatError:
        return "unsupported", "open"
    if payload is None:
        return "absent", "open"
    try:
        payload.verify()
    except DamagedPayloadError:
        return "damaged", "verify"
    return "ok", ""


@pytest.mark.parametrize("sample", VERDICTS, ids=[sample["file"] for sample in VERDICTS])
def test_the_reader_judges_as_the_reader_on_devices(sample: dict[str, str]) -> None:
    assert judge(generate.HERE / "samples" / sample["file"]) == (sample["verdict"], sample["found"])


def test_what_was_extracted_is_what_the_sample_was_made_of(tmp_path: Path) -> None:
    payload = read_payload(generate.HERE / "samples" / "good-amd64")
    assert isinstance(payload, Payload)
    payload.extract(tmp_path / "unpacked")
    for path, what in generate.TREE.items():
        target = tmp_path / "unpacked" / path
        if isinstance(what, str):
            assert target.readlink() == Path(what)
        else:
            assert (target.stat().st_mode & 0o7777, target.read_bytes()) == what

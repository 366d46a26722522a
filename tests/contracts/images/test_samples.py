"""The builder's reader judges the samples as kedge's does (cluster/internal/images)."""

import json

import pytest

from builder.core.errors import VerificationError
from builder.oci.release import read_release
from tests.contracts.images.generate import HERE, table


def test_the_samples_are_generated() -> None:
    samples = {path.name: path.read_bytes() for path in (HERE / "samples").iterdir()}
    assert samples == {name: data for name, (data, _) in table().items()}
    assert json.loads((HERE / "verdicts.json").read_text()) == {name: ok for name, (_, ok) in table().items()}


@pytest.mark.parametrize("name", table())
def test_each_sample_is_judged(name: str) -> None:
    data, ok = table()[name]
    if ok:
        assert read_release(data).images == tuple(sorted(read_release(data).images, key=lambda image: image.name))
    else:
        with pytest.raises(VerificationError, match="the list of system images is damaged"):
            read_release(data)

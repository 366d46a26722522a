"""The samples are what their generator writes; whoever changes one changes both."""

from tests.contracts.payload.generate import HERE
from tests.contracts.payload.verdicts import table


def test_the_samples_are_generated() -> None:
    samples = {path.name: path.read_bytes() for path in (HERE / "samples").iterdir()}
    made = {name: data for name, (data, _) in table().items()}
    assert sorted(samples) == sorted(made)
    assert [name for name in made if made[name] != samples[name]] == []

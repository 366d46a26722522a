import itertools

import pytest

from builder.core.errors import BuilderError
from builder.debian.version import version_key

# Ascending, as `dpkg --compare-versions` says.
ASCENDING = [
    "0~~", "0~~a", "0~", "0", "0a", "0+", "0.0", "1.0~rc1-1", "1.0-1~bpo12+1", "1.0-1", "1.0-1+b1", "1.0-1+deb12u1", "1.0-2",
    "1.0-10", "1.0a-1", "1.0+dfsg-1", "1.0.1-1", "1.2-3-1", "1.2-3-2", "1.10-1", "2.36-9+deb12u14", "2.41-12", "1:0.1-1",
    "2:0~1-1",
]  # fmt: skip


def test_versions_sort_as_dpkg_sorts_them() -> None:
    for lower, higher in itertools.combinations(ASCENDING, 2):
        assert version_key(lower) < version_key(higher), (lower, higher)


@pytest.mark.parametrize(("one", "other"), [("1.0-1", "0:1.0-1"), ("1.01", "1.1"), ("1.", "1.0")])
def test_versions_may_be_written_differently(one: str, other: str) -> None:
    assert version_key(one) == version_key(other)


@pytest.mark.parametrize("version", ["", "1 0", "a:1", "1/2", "1-", ":1"])
def test_what_is_no_version_is_told(version: str) -> None:
    with pytest.raises(BuilderError, match="is no version"):
        version_key(version)

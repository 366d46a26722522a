"""What is made without running anything of the packages, compared with what their scripts do when mmdebstrap runs them."""

from collections.abc import Iterator

import pytest

from builder.core.arch import Arch, host_arch
from builder.rootfs.compare import Archive, compare, open_archive
from tests.integration.rootfs.allowed import Packages, Suite, judge, read_allowed, told
from tests.integration.rootfs.systems import System

NATIVE = Arch.AMD64
SYSTEMS = [
    pytest.param(System(suite=suite, packages=packages, arch=NATIVE), id=f"{suite}-{packages}", marks=marks)
    for suite, packages, marks in (
        (Suite.TRIXIE, Packages.BASE, ()),
        (Suite.TRIXIE, Packages.EXTRA, pytest.mark.slow),
        (Suite.BOOKWORM, Packages.BASE, pytest.mark.slow),
        (Suite.BOOKWORM, Packages.EXTRA, pytest.mark.slow),
    )
]


@pytest.fixture(scope="module", params=SYSTEMS)
def system(request: pytest.FixtureRequest) -> System:
    if host_arch() is not NATIVE:
        pytest.skip(f"the scripts run natively on {NATIVE} alone; under emulation they take half an hour")
    chosen: System = request.param
    return chosen


@pytest.fixture(scope="module")
def pair(system: System) -> Iterator[tuple[Archive, Archive]]:
    """What mmdebstrap makes, and what is made here."""
    with open_archive(system.bootstrapped()) as reference, open_archive(system.declared()) as declared:
        yield reference, declared


def test_all_deviations_are_reviewed(system: System, pair: tuple[Archive, Archive]) -> None:
    reference, declared = pair
    assert len(reference.members) > 10_000
    judgement = judge(compare(reference, declared), read_allowed(system.suite, system.packages), reference, declared)
    lines = told(judgement, reference, declared)
    assert not lines, "\n".join(
        [f"{len(judgement.unexpected)} deviations of {system} are not in allowed.yaml:", *lines]
    )

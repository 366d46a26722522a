"""`builder make --check-reproducible`: a second build from nothing, elsewhere."""

import json
import shutil
from pathlib import Path

import pytest

from builder.core.errors import ExitCode
from tests.integration.app.checkout import replace
from tests.integration.app.driver import Builder, ended


@pytest.mark.slow
def test_a_build_is_the_same_elsewhere(builder: Builder) -> None:
    result = builder.good("make", "--check-reproducible", "--arch", "armv7")
    assert result.out == "armv7: tiny built twice, identical\n"
    assert not list(builder.cache.glob("reproduce.*"))
    assert not list(builder.cache.glob("scratch.*"))


def test_a_difference_is_found_and_shown(builder: Builder, place: Path) -> None:
    """The source lies outside of the checkout, and one letter of it changes between the two builds."""
    source = place / "outside"
    shutil.copytree(builder.checkout.cluster, source)
    (builder.checkout.root / "recipes/cluster/tiny.yaml").write_text(
        builder.checkout.cluster_recipe.read_text().replace("source: ../../cluster", "source: ../../../outside")
    )
    process = builder.start("make", "--check-reproducible", "--arch", "armv7", "--events", "json")
    assert process.stdout is not None
    try:
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "step-finished" and event["step"] == "edge/armv7/executable":
                replace(source / "cmd/tiny/main.go", '"tiny "', '"tinY "')
                break
    finally:
        result = ended(process)
    assert result.code == ExitCode.VERIFICATION_FAILED, result.err
    told = result.err.splitlines()
    assert "error: armv7/tiny is not reproducible" in told
    assert any("first difference at byte " in line and "in section .rodata at byte " in line for line in told)
    one, other = (next(line for line in told if f"{which} build:" in line) for which in ("first", "second"))
    assert one.split("build:")[1] != other.split("build:")[1]
    assert "hint: something that is no input of the step reached its result" in result.err
    assert not list(builder.cache.glob("reproduce.*"))

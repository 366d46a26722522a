"""Kernels, and what they must have, are judged as kedge judges them: its `needs_test.go` reads the same files."""

import json
from pathlib import Path
from typing import Any

import pytest

from builder.audit.rootfs.kernel import KernelNeed, missing, read_config, read_kernel_needs
from builder.core.errors import RecipeError

HERE = Path(__file__).parent
VERDICTS: dict[str, bool] = json.loads((HERE / "verdicts.json").read_text())
KERNELS = json.loads((HERE / "kernels.json").read_text())
KEDGE = Path(__file__).parents[3] / "cluster/internal/sysinfo/kernel-needs.json"


def test_every_sample_has_a_verdict() -> None:
    assert {path.stem for path in (HERE / "samples").iterdir()} == set(VERDICTS)


@pytest.mark.parametrize("name", [name for name, good in VERDICTS.items() if good])
def test_good_needs_are_read(name: str) -> None:
    assert read_kernel_needs((HERE / f"samples/{name}.json").read_bytes(), name)


@pytest.mark.parametrize("name", [name for name, good in VERDICTS.items() if not good])
def test_bad_needs_are_refused(name: str) -> None:
    with pytest.raises(RecipeError) as caught:
        read_kernel_needs((HERE / f"samples/{name}.json").read_bytes(), name)
    assert caught.value.brief.startswith(name)
    assert caught.value.details


@pytest.mark.parametrize("case", KERNELS["cases"], ids=lambda case: case["name"])
def test_kernels(case: dict[str, Any]) -> None:
    need = KernelNeed.model_validate_json(json.dumps(case["need"]))
    lacking = missing(need, read_config(KERNELS["config"]), frozenset(case["modules"]))
    assert (not lacking) == case["present"]


def test_kedges_own_needs_are_read() -> None:
    needs = {one.option: one for one in read_kernel_needs(KEDGE.read_bytes(), "kedge")}
    assert len(needs) > 40
    assert needs["OVERLAY_FS"].module == "overlay"

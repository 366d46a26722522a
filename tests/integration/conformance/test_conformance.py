"""Upstream's conformance tests that need no container to run, on a real controller."""

import subprocess
from pathlib import Path

import pytest

from tests.integration.components.process import clean_environment
from tests.integration.conformance.hollow import hollow_nodes
from tests.integration.conformance.selection import GROUPS, PAGE, need_real_nodes, outcomes, page, pattern
from tests.integration.conformance.upstream import Upstream
from tests.integration.controller.controller import place, running_controller

pytestmark = pytest.mark.slow
TIMEOUT_S = 7200


def test_all_that_can_run_pass(kedge: Path, upstream: Upstream, tmp_path: Path) -> None:
    wanted = set(upstream.conformance_tests(*GROUPS)) - set(need_real_nodes())
    report = tmp_path / "report.json"
    with (
        running_controller(place(kedge, tmp_path)) as controller,
        hollow_nodes(upstream.hollow_node, controller, 1),
    ):
        argv = [
            *(str(upstream.tests), f"-kubeconfig={controller.place.data}/pki/admin.conf", "-provider=skeleton"),
            *(f"--ginkgo.focus={pattern(sorted(wanted))}", "--ginkgo.no-color", f"--ginkgo.timeout={TIMEOUT_S}s"),
            f"--ginkgo.json-report={report}",
        ]
        with (tmp_path / "tests.log").open("wb") as log:
            subprocess.run(argv, cwd=tmp_path, env=clean_environment({}), stdout=log, stderr=log, check=False)
    went = outcomes(report)
    assert {test: how for test, how in went.items() if how != "passed"} == {}
    assert set(went) == wanted


def test_what_cannot_run_exists_and_is_documented(upstream: Upstream) -> None:
    tests = upstream.conformance_tests(*GROUPS)
    assert set(need_real_nodes()) <= set(tests)
    assert PAGE.read_text() == page(tests)

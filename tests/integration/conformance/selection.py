"""Which conformance tests are run, and what became of them."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from tests.integration.conformance.upstream import VERSION

GROUPS = ("api-machinery", "apps", "auth")
REAL_NODES = Path(__file__).parent / "real-nodes.yaml"
PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "conformance.md"
_RUN = ("passed", "failed", "panicked", "timedout", "interrupted", "aborted")
_INTRO = """# Conformance

Upstream's end-to-end tests ({version}) on `kedge controller`, with hollow nodes: kubelets of upstream on a container
runtime that only pretends to run what it is told. `./run-tests slow` runs all conformance tests of {groups} but those below;
none may fail.

| | tests |
|---|---|
| conformance tests of these groups | {all} |
| run | {run} |
| not run: they need containers that really run | {left} |

| not run | since |
|---|---|
"""


def need_real_nodes() -> Mapping[str, str]:
    """The reasons by the names of tests."""
    return {each["test"]: each["reason"] for each in yaml.safe_load(REAL_NODES.read_text())}


def pattern(tests: Sequence[str]) -> str:
    """A regular expression of Go that finds these names, which Ginkgo lets the name of its suite go before."""
    return "|".join(f" {_escaped(test)}$" for test in tests)


def outcomes(report: Path) -> Mapping[str, str]:
    """How each test that was run went, by Ginkgo's report."""
    (suite,) = json.loads(report.read_text())
    specs = [each for each in suite["SpecReports"] if each["LeafNodeType"] == "It" and each["State"] in _RUN]
    return {" ".join([*each["ContainerHierarchyTexts"], each["LeafNodeText"]]): each["State"] for each in specs}


def page(tests: Sequence[str]) -> str:
    """docs/reference/conformance.md, of the names of all tests of the groups."""
    reasons = need_real_nodes()
    numbers = {"all": len(tests), "run": len(tests) - len(reasons), "left": len(reasons)}
    rows = [f"| {test} | {reasons[test]} |\n" for test in sorted(reasons)]
    return _INTRO.format(version=VERSION, groups=", ".join(GROUPS), **numbers) + "".join(rows)


def _escaped(text: str) -> str:
    return re.sub(r"([.*+?^${}()|\[\]\\])", r"\\\1", text)

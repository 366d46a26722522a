"""Plans for a fleet, as the guide writes them, where there is no fleet yet."""

import re
from pathlib import Path

from tests.integration.components.process import wait_for
from tests.integration.controller.controller import Controller

_GUIDE = Path(__file__).parents[3] / "docs/guides/fleet-upgrade.md"
_YAML = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def said_of(controller: Controller, plan: str) -> str:
    """The state of a plan, and what a person should know of it."""
    fields = "--output=jsonpath={.status.state} {.status.message}"
    return controller.kubectl("get", "plan", plan, fields).stdout.strip()


def test_the_guide_s_plan_is_followed_and_holds_back_the_next_one(controller: Controller, tmp_path: Path) -> None:
    (text,) = _YAML.findall(_GUIDE.read_text())
    for name in ("summer", "winter"):
        (tmp_path / f"{name}.yaml").write_text(text.replace("name: summer", f"name: {name}"))
    controller.applied("apply", "--filename", str(tmp_path / "summer.yaml"))
    failed = "IncompleteTargets command 0: no node is meant"
    wait_for(controller.daemon, lambda: said_of(controller, "summer") == failed, what="a plan without nodes")
    controller.applied("apply", "--filename", str(tmp_path / "winter.yaml"))
    behind = "Schedulable the plan summer comes first"
    wait_for(controller.daemon, lambda: said_of(controller, "winter") == behind, what="a plan behind another")
    assert {"summer", "winter"} <= set(controller.applied("get", "plans").split())
    controller.applied("patch", "plan", "winter", "--type=merge", '--patch={"spec": {"aborted": true}}')
    wait_for(controller.daemon, lambda: said_of(controller, "winter") == "Aborted", what="a plan that was aborted")
    controller.applied("delete", "plan", "summer", "winter")


def test_what_is_no_plan_is_refused(controller: Controller, tmp_path: Path) -> None:
    (text,) = _YAML.findall(_GUIDE.read_text())
    (tmp_path / "plan.yaml").write_text(text.replace("concurrent: 2", "concurrent: -1"))
    refused = controller.kubectl("apply", "--filename", str(tmp_path / "plan.yaml"))
    assert refused.code != 0
    assert "concurrent" in refused.stderr

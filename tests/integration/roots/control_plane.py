"""Runs a control plane in a root until every part of it is healthy: `python -m ... ROOT [EMULATOR]`.

It is started in namespaces where nothing else listens. Root and machine have /run in common, so that the certificates and
settings that are handed in have the same paths for both. Standard output is one JSON object: the health of each part.
"""

import json
import subprocess
import sys
from pathlib import Path

from tests.integration.components.controlplane import running_control_plane
from tests.integration.components.health import OK, get, trusting_anyone
from tests.integration.components.process import Daemon, wait_for
from tests.integration.roots.space import require_tool

SHARED = Path("/run")
# An emulated processor is about ten times slower.
PATIENCE_S = 500


def main(root: Path, *emulator: str) -> None:
    """Print the health of each part, or fail with the log of the one that is not well."""
    place = SHARED / "cp"
    (root / "run/cp").mkdir(parents=True)
    subprocess.run([require_tool("mount"), "--bind", str(root / "run"), str(SHARED)], check=True)
    starter = root.parent / f"{root.name}-kedge"
    starter.write_text(f'#!/bin/sh\nexec chroot {root} {" ".join(emulator)} /kedge "$@"\n')
    starter.chmod(0o755)
    with running_control_plane(starter, place, patience_s=PATIENCE_S) as plane:
        health = {"kube-apiserver": get(f"{plane.api_url}/readyz", plane.trust).text}
        _, _, controllers, scheduler = plane.daemons
        for daemon, url in (controllers, plane.controller_manager_url), (scheduler, plane.scheduler_url):
            _wait_until_healthy(daemon, f"{url}/healthz")
            health[daemon.name] = "ok"
        account = f"{plane.api_url}/api/v1/namespaces/default/serviceaccounts/default"
        wait_for(
            controllers,
            lambda: get(account, plane.trust).status == OK,
            what="making service accounts",
            timeout_s=PATIENCE_S,
        )
    print(json.dumps(health))  # noqa: T201 - what it was asked for


def _wait_until_healthy(daemon: Daemon, url: str) -> None:
    wait_for(daemon, lambda: get(url, trusting_anyone()).text == "ok", what="healthy", timeout_s=PATIENCE_S)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])

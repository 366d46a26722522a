"""The manifests of updates, as devices read them (cluster/internal/osupdate has the same files)."""

import json
from pathlib import Path

from builder.image.update import update_manifest

CONTRACT = Path(__file__).parents[2] / "contracts" / "update"
NAME = "edge-generic-amd64"
ABOUT = {"name": "edge", "version": "0.2.0", "architecture": "amd64", "board": "generic-amd64"}


def test_a_manifest_is_what_devices_read() -> None:
    system = CONTRACT / f"{NAME}.squashfs"
    made = update_manifest(system, ABOUT, file=system.name, block_bytes=4096)
    assert made == (CONTRACT / f"{NAME}.update").read_bytes()
    told = json.loads(made)
    assert told["size_bytes"] == system.stat().st_size
    assert told["size_bytes"] % told["block_bytes"]

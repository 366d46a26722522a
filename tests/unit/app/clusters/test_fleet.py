"""Devices without a credential: whether they may ask, which are expected, and what is wrong with a list of them."""

import io
import json
import tarfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from builder.app.clusters.access import controller_files
from builder.app.clusters.fleet import expect_devices, open_fleet, require_fleet
from builder.app.clusters.nodes import add_nodes, revoke_device, revoke_nodes
from builder.app.clusters.unlock import Unlocking
from builder.core.errors import RecipeError
from builder.fleet.directory import ClusterDirectory
from builder.fleet.role import Role
from tests.unit.app.clusters.helpers import NOW, made

KEY = f"SHA256:{'0123456789abcdef' * 4}"


def told(cluster: ClusterDirectory, unlocking: Unlocking, name: str = "fleet.json") -> dict[str, Any]:
    """What controllers are told in a file."""
    with tarfile.open(fileobj=io.BytesIO(controller_files(cluster, unlocking, now=NOW))) as archive:
        member = archive.extractfile(f"pki/{name}")
        assert member is not None
        assert archive.getmember("pki/fleet.json").mode == 0o600
        found: dict[str, Any] = json.loads(member.read())
        return found


def listed(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "devices.csv"
    path.write_text(text)
    return path


def test_nobody_may_ask_until_somebody_says_so(tmp_path: Path) -> None:
    cluster, unlocking = made(tmp_path)
    assert told(cluster, unlocking) == {"format": 1, "open": False, "devices": []}
    with pytest.raises(RecipeError, match="listen to no device"):
        require_fleet(cluster.read())
    open_fleet(cluster, is_open=True)
    require_fleet(cluster.read())
    assert told(cluster, unlocking)["open"]
    open_fleet(cluster, is_open=False)
    assert not told(cluster, unlocking)["open"]


def test_devices_are_expected_by_their_numbers(tmp_path: Path) -> None:
    cluster, unlocking = made(tmp_path)
    add_nodes(cluster, ["field-2"], Role.WORKER, now=NOW)
    with cluster.node("field-2").open("a") as file:
        file.write("labels: {kind: x}\n")
    lines = listed(tmp_path, "# ours\n\nS1, field-1, plant-7\nS2,field-2\n")
    assert expect_devices(cluster, lines, now=NOW) == 2
    assert expect_devices(cluster, lines, now=NOW) == 0
    one, two = told(cluster, unlocking)["devices"]
    assert (one["serialNumber"], one["node"], one["labels"]) == (
        "S1",
        "field-1",
        {"topology.kubernetes.io/zone": "plant-7"},
    )
    assert (two["serialNumber"], two["node"], two["labels"]) == ("S2", "field-2", {"kind": "x"})
    assert one["credential"] != two["credential"]
    assert one["expires"] > one["made"]
    # Another device for the node: another number to count by, and the former is none any more.
    assert expect_devices(cluster, listed(tmp_path, "S3,field-1\n"), now=NOW + timedelta(days=1)) == 1
    (three, _) = told(cluster, unlocking)["devices"]
    assert (three["serialNumber"], three["node"]) == ("S3", "field-1")
    assert three["credential"] != one["credential"]
    assert three["made"] > one["made"]


def test_what_is_taken_back_is_expected_no_more(tmp_path: Path) -> None:
    cluster, unlocking = made(tmp_path)
    lines = listed(tmp_path, "S1,field-1\n")
    expect_devices(cluster, lines, now=NOW)
    (one,) = told(cluster, unlocking)["devices"]
    revoke_nodes(cluster, ["field-1"], now=NOW)
    assert told(cluster, unlocking)["devices"] == []
    assert [each["serial"] for each in told(cluster, unlocking, "revoked.json")["credentials"]] == [one["credential"]]
    with pytest.raises(RecipeError) as refused:
        expect_devices(cluster, lines, now=NOW)
    assert "field-1 was revoked" in refused.value.details[0]
    add_nodes(cluster, ["field-1"], Role.WORKER, now=NOW)
    assert told(cluster, unlocking)["devices"] == []
    assert expect_devices(cluster, lines, now=NOW) == 1
    (again,) = told(cluster, unlocking)["devices"]
    assert again["credential"] != one["credential"]


def test_an_approval_is_taken_back_by_its_key(tmp_path: Path) -> None:
    cluster, unlocking = made(tmp_path)
    assert [one.serial for one in revoke_device(cluster, "field-9", KEY, now=NOW)] == [KEY]
    assert not revoke_device(cluster, "field-9", KEY, now=NOW)
    (revoked,) = told(cluster, unlocking, "revoked.json")["credentials"]
    assert (revoked["serial"], revoked["node"]) == (KEY, "field-9")
    for wrong in (KEY[:-1], KEY.upper(), KEY[7:], ""):
        with pytest.raises(RecipeError, match="is no fingerprint"):
            revoke_device(cluster, "field-9", wrong, now=NOW)


def test_all_that_is_wrong_with_a_list(tmp_path: Path) -> None:
    cluster, _ = made(tmp_path)
    add_nodes(cluster, ["barn"], Role.CONTROLLER, now=NOW)
    expect_devices(cluster, listed(tmp_path, "S1,field-1\n"), now=NOW)
    before = cluster.read()
    for text, problems in {
        "S2\n": ["1: it has not two or three parts"],
        "S2,Field,plant\nS3,field-3,a b\n,field-4\n": [
            "1: 'Field' cannot be the name of a node",
            "2: 'a b' cannot be the name of a site",
            "3: its serial number is empty, or no device has such a one",
        ],
        "# nothing\n": ["it has no lines"],
        "S2,field-2\nS2,field-3\nS3,field-2\n": ["2: the serial number is there twice", "3: field-2 is there twice"],
        "S1,field-2\nS4,barn\n": [
            "1: the serial number is field-1's; 'builder cluster revoke mill field-1' takes that back",
            "2: barn is a controller; only workers have a fleet's card",
        ],
    }.items():
        with pytest.raises(RecipeError) as refused:
            expect_devices(cluster, listed(tmp_path, text), now=NOW)
        assert [line.split("devices.csv:")[-1] for line in refused.value.details] == problems
    for content in (b"\xff\n", None):
        path = tmp_path / "other"
        path.unlink(missing_ok=True)
        if content:
            path.write_bytes(content)
        with pytest.raises(RecipeError, match="other"):
            expect_devices(cluster, path, now=NOW)
    assert cluster.read() == before

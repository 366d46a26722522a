from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from builder.rootfs.customize.model import UnitState
from builder.rootfs.customize.units import set_units
from builder.rootfs.tree import Kind, Tree
from tests.unit.rootfs.unit_samples import ENABLED, ETC, LINKS, USR, expected, sample_tree

ENABLE, DISABLE, MASK = UnitState.ENABLED, UnitState.DISABLED, UnitState.MASKED
OWN = {path: target for path, target in LINKS.items() if path.startswith(ETC)}


@dataclass(frozen=True)
class Device:
    tree: Tree

    def bring(self, unit: str, state: UnitState) -> list[str]:
        return set_units(self.tree, {unit: state})

    def links(self) -> Mapping[str, str]:
        """The links that were made."""
        found = {path: self.tree.nodes[path] for path in self.tree.below(ETC)}
        return {path: node.target for path, node in found.items() if node.kind is Kind.SYMLINK and path not in OWN}


@pytest.fixture
def device() -> Device:
    return Device(sample_tree("trixie"))


@pytest.mark.parametrize("unit", [unit for unit, links in ENABLED.items() if links])
def test_disabling_takes_back_what_enabling_made(device: Device, unit: str) -> None:
    before = set(device.tree.nodes)
    assert device.bring(unit, ENABLE) == []
    assert device.links() == expected(unit)
    assert device.bring(unit, DISABLE) == []
    # systemctl leaves other names of instances of templates, too.
    left = {f"{ETC}/other@one.service"} if unit == "namedtemplate@one.service" else set()
    assert set(device.tree.nodes) ^ before == left


def test_disabling_a_template_takes_its_instances(device: Device) -> None:
    for unit in ("plain@x.service", "plain@y.service", "default@.service"):
        device.bring(unit, ENABLE)
    assert device.bring("plain@.service", DISABLE) == []
    assert device.links() == expected("default@.service")


def test_masked_units_are_links_to_nothing_and_stay_so(device: Device) -> None:
    for unit in ("wanted.service", "plain@x.y.service"):
        assert device.bring(unit, MASK) == []
    masks = {f"{ETC}/{unit}": "/dev/null" for unit in ("wanted.service", "plain@x.y.service")}
    assert device.links() == masks
    assert device.bring("wanted.service", DISABLE) == []
    assert device.bring("wanted.service", MASK) == []
    assert device.links() == masks


@pytest.mark.parametrize(
    ("unit", "state", "problem"),
    [
        ("wantd.service", ENABLE, "the root file system has no unit wantd.service; did you mean 'wanted.service'?"),
        ("wantd.service", MASK, "the root file system has no unit wantd.service; did you mean 'wanted.service'?"),
        ("hidden.service", ENABLE, "it is masked"),
        ("empty.service", ENABLE, "it is masked"),
        ("third.service", ENABLE, "this is another name of named.service: enable that"),
        ("third.service", MASK, "this is another name of named.service: mask that"),
        ("plain@.service", ENABLE, "a template is enabled by the name of an instance, such as NAME@INSTANCE.service"),
        (
            "nothing.service",
            ENABLE,
            "its [Install] section, if any, says nothing that enables it: what needs it starts it",
        ),
        ("replaced.service", MASK, f"/{ETC}/replaced.service is a file, which the link that masks it would replace"),
    ],
)
def test_what_cannot_be_done_is_told(device: Device, unit: str, state: UnitState, problem: str) -> None:
    device.bring("named.service", ENABLE)
    before = dict(device.tree.nodes)
    assert device.bring(unit, state) == [f"rootfs.units.{unit}: {problem}"]
    assert device.tree.nodes == before


def test_a_name_that_another_unit_has_is_not_taken_from_it(device: Device) -> None:
    device.tree.write(f"{USR}/rival.service", "[Install]\nAlias=other.service\n")
    device.bring("named.service", ENABLE)
    (problem,) = device.bring("rival.service", ENABLE)
    assert problem.endswith(f"/{ETC}/other.service is to be another name of it, but leads to /{USR}/named.service")
    assert device.links() == expected("named.service")


def test_a_link_that_leads_to_the_same_file_in_other_words_stays(device: Device) -> None:
    link = f"{ETC}/multi-user.target.wants/wanted.service"
    device.tree.link(link, "/lib/systemd/system/wanted.service")
    assert device.bring("wanted.service", ENABLE) == []
    assert device.links() == {link: "/lib/systemd/system/wanted.service"}

import pytest

from builder.core.errors import BuilderError
from builder.rootfs.units import install_links, parse_unit, read_install
from tests.unit.rootfs.unit_samples import ENABLED, REFUSED, USR, expected, sample_tree


@pytest.mark.parametrize("unit", ENABLED)
def test_a_unit_is_enabled_by_the_links_that_its_install_sections_ask_for(unit: str) -> None:
    assert dict(install_links(sample_tree("trixie"), unit)) == expected(unit)


@pytest.mark.parametrize("unit", REFUSED)
def test_what_cannot_be_enabled_is_told(unit: str) -> None:
    with pytest.raises(BuilderError) as error:
        install_links(sample_tree("trixie"), unit)
    assert REFUSED[unit] in error.value.brief


def test_links_of_debian_12_lead_to_lib_and_nothing_upholds() -> None:
    tree = sample_tree("bookworm")
    assert dict(install_links(tree, "named.service")) == expected("named.service", "/lib/systemd/system")
    assert dict(install_links(tree, "replaced.service")) == expected("replaced.service")
    assert install_links(tree, "upheld.service") == []


def test_links_of_users_units_lie_among_theirs() -> None:
    tree = sample_tree("trixie")
    tree.write("usr/lib/systemd/user/agent.socket", "[Socket]\n[Install]\nWantedBy=sockets.target\n")
    assert install_links(tree, "agent.socket", system=False) == [
        ("etc/systemd/user/sockets.target.wants/agent.socket", "/usr/lib/systemd/user/agent.socket")
    ]
    with pytest.raises(BuilderError, match=r"no unit agent\.socket"):
        install_links(tree, "agent.socket")


def test_also_may_lead_in_circles() -> None:
    tree = sample_tree("trixie")
    tree.write(f"{USR}/round.service", "[Install]\nAlso=round.socket\nWantedBy=a.target\n")
    tree.write(f"{USR}/round.socket", "[Install]\nAlso=round.service\nWantedBy=b.target\n")
    assert [path.rpartition("/")[2] for path, _ in install_links(tree, "round.socket")] == [
        "round.socket",
        "round.service",
    ]


def test_settings_are_read_with_their_names_in_lower_case() -> None:
    assert read_install(sample_tree("trixie"), "also.service") == {
        "wantedby": ["multi-user.target"],
        "also": ["wanted.service", "absent.service", "hidden.service"],
    }


@pytest.mark.parametrize(
    ("unit", "instance", "template"),
    [
        ("ssh.service", None, "ssh.service"),
        ("getty@.service", "", "getty@.service"),
        ("getty@tty1.service", "tty1", "getty@.service"),
        ("a@b@c.d.socket", "b@c.d", "a@.socket"),
        ("x-y\\x2dz.mount", None, "x-y\\x2dz.mount"),
    ],
)
def test_names_are_taken_apart(unit: str, instance: str | None, template: str) -> None:
    name = parse_unit(unit)
    assert (name.instance, name.template, str(name)) == (instance, template, unit)


@pytest.mark.parametrize("unit", ["", "ssh", "a b.service", "@x.service", "a/b.service", "a%.service"])
def test_what_is_no_name_is_refused(unit: str) -> None:
    with pytest.raises(BuilderError, match="no name of a unit"):
        parse_unit(unit)

"""Scripts taken apart, matched with what is known of them, and told where nothing is."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from builder.core.errors import BuilderError
from builder.rootfs.effects.alternatives import Alternative
from builder.rootfs.effects.base import Effect
from builder.rootfs.effects.files import Directory, Divert
from builder.rootfs.knowledge.match import find_effects
from builder.rootfs.knowledge.model import Ids, Knowledge, ScriptKnowledge, Snippet
from builder.rootfs.knowledge.scripts import Section, parse_script
from tests.unit.rootfs.samples import make_deb, opened

SECTION = """\
# Automatically added by dh_own/13.11
# says why
if [ "$1" = "configure" ]; then
\town --install \\
\t\tone
fi
# End automatically added section
"""
POSTINST = f"""\
#!/bin/sh
set -e

if [ "$1" = configure ]; then
\tmkdir -p /var/lib/own   \n\
fi
{SECTION}exit 0
"""
OWN = '#!/bin/sh\nset -e\nif [ "$1" = configure ]; then\n\tmkdir -p /var/lib/own\nfi\nexit 0\n'
SNIPPET = Snippet.model_validate(
    {
        "tool": "dh_own",
        "text": 'if [ "$1" = "configure" ]; then\n  own --install <name>\nfi',
        "effects": [{"alternative": {"arguments": "{name}"}}],
    }
)


def digest(text: str, *, architecture: str = "all", version: str = "1.0") -> str:
    return parse_script(text, architecture=architecture, version=version).digest.hex


def known(
    text: str = OWN, package: str = "own", script: str = "postinst", **effect: Mapping[str, str]
) -> ScriptKnowledge:
    effects = [effect or {"directory": {"path": "/var/lib/own"}}]
    return ScriptKnowledge.model_validate(
        {"package": package, "script": script, "digests": [digest(text)], "effects": effects}
    )


def knowledge(*scripts: ScriptKnowledge, snippets: tuple[Snippet, ...] = (SNIPPET,)) -> Knowledge:
    return Knowledge(snippets=snippets, scripts=scripts, ids=Ids(users={}, groups={}))


def effects_of(deb: Path, wanted: Knowledge) -> list[Effect]:
    with opened(deb) as packages:
        return [effect for _, effect in find_effects(packages.values(), wanted)]


def snippet(text: str) -> Snippet:
    return Snippet(tool="dh_own", text=text)


def test_sections_are_taken_out_and_the_rest_is_plain() -> None:
    script = parse_script(POSTINST, architecture="all", version="1.0")
    assert script.sections == (Section(tool="dh_own", body='if [ "$1" = "configure" ]; then\nown --install one\nfi'),)
    assert script.rest == OWN


@pytest.mark.parametrize("text", ["#!/bin/sh\n\nset -e\n# nothing\nexit 0\n", "#!/bin/sh\n  : \ntrue\n", "#!/bin/sh\n"])
def test_what_does_nothing_has_no_rest(text: str) -> None:
    assert parse_script(text + SECTION, architecture="all", version="1.0").rest == ""
    assert parse_script(f"{text}exit 1\n", architecture="all", version="1.0").rest


def test_a_section_without_its_end_is_no_section() -> None:
    script = parse_script(POSTINST.replace("# End automatically", "# End"), architecture="all", version="1.0")
    assert not script.sections
    assert "own --install" in script.rest


def test_architectures_share_what_differs_by_their_names_alone() -> None:
    text = "ls /usr/lib/{triplet}\ndpkg -L libown:{architecture} own:any\n"
    arm = digest(text.format(triplet="arm-linux-gnueabihf", architecture="armhf"), architecture="armhf")
    assert arm == digest(text.format(triplet="aarch64-linux-gnu", architecture="arm64"), architecture="arm64")
    foreign = digest(text.format(triplet="aarch64-linux-gnu", architecture="arm64"), architecture="armhf")
    assert arm != foreign, "another architecture's directory is another thing"
    for_all = text.format(triplet="aarch64-linux-gnu", architecture="arm64")
    assert parse_script(for_all, architecture="all", version="1.0").rest == for_all


@pytest.mark.parametrize("text", ['[ "$v" != "{}" ]\n', "v={}\n", "[ $v = {} ] || true\n"])
@pytest.mark.parametrize(("old", "new"), [("2.36-9+deb12u14", "2.36-9+deb12u15"), ("1:1.2-3", "1:1.2-4")])
def test_a_point_release_leaves_the_digest(text: str, old: str, new: str) -> None:
    assert digest(text.format(old), version=old) == digest(text.format(new), version=new)
    plain_old, plain_new = old.rpartition(":")[2], new.rpartition(":")[2]
    assert digest(text.format(plain_old), version=old) == digest(text.format(plain_new), version=new)


@pytest.mark.parametrize("text", ["lt 1.2-3~", "lt 1.2-3+b1", "lt 11.2-3", "lt 2:1.2-3", "lt 1.2-31", "lt 1.2-3.1"])
def test_other_versions_stay(text: str) -> None:
    assert parse_script(f"{text}\n", architecture="all", version="1.2-3").rest == f"{text}\n"


def test_short_versions_stay() -> None:
    assert parse_script('own "$1" 1\n', architecture="all", version="1").rest == 'own "$1" 1\n'


def test_placeholders_stand_for_words_rests_and_lines() -> None:
    found = snippet("begin '<word>' <rest*>\n<lines**>\nend <last*>").match("begin 'one' two 'three'\na\nb\nend of it")
    assert found == [{"word": "one", "rest": "two 'three'", "lines": "a\nb", "last": "of it"}]


def test_the_same_name_is_the_same_text() -> None:
    twice = snippet("own <name> <name>")
    assert twice.match("own one one") == [{"name": "one"}]
    assert twice.match("own one two") is None


def test_a_text_may_stand_several_times() -> None:
    assert snippet("  own <name>\nthen").match("own a\nthen\nown b\nthen") == [{"name": "a"}, {"name": "b"}]


@pytest.mark.parametrize("body", ["own a b", "own", "own a\nrm -rf /", "not own a", "own 'a'", "own ab\n\n"])
def test_anything_more_is_something_else(body: str) -> None:
    assert snippet("own <name>").match(body) is None


def test_what_is_no_placeholder_is_taken_literally() -> None:
    assert snippet("own [a] $x (.*) <A>").match("own [a] $x (.*) <A>") == [{}]
    assert snippet("own .").match("own x") is None


def test_effects_of_sections_and_of_the_rest(tmp_path: Path) -> None:
    deb = make_deb(tmp_path, "own", [], {"postinst": POSTINST})
    found = effects_of(deb, knowledge(known()))
    assert found == [
        Alternative(arguments="one"),
        Directory(path="/var/lib/own"),
    ]


def test_effects_are_told_names(tmp_path: Path) -> None:
    text = "own /usr/lib/arm-linux-gnueabihf /boot/6.1-armmp\n"
    deb = make_deb(tmp_path, "own-6.1-armmp", [], {"preinst": text}, Architecture="armhf")
    normalised = "own /usr/lib/@TRIPLET@ /boot/@NAME@\n"
    entry = known(
        normalised, "own-*", "preinst", divert={"path": "/{star}/{triplet}", "to": "/{package}/{architecture}"}
    )
    found = effects_of(deb, knowledge(entry))
    assert found == [Divert(path="/6.1-armmp/arm-linux-gnueabihf", to="/own-6.1-armmp/armhf")]


def test_all_unknown_scripts_are_told_with_their_text(tmp_path: Path) -> None:
    long = "".join(f"line {number}\n" for number in range(45))
    one = make_deb(tmp_path, "one", [], {"preinst": "rm -rf /\n", "postinst": long}, Version="2")
    two = make_deb(tmp_path, "two", [], {"postinst": POSTINST})
    with opened(one, two) as packages, pytest.raises(BuilderError) as caught:
        find_effects(packages.values(), knowledge(snippets=()))
    told = list(caught.value.details)
    assert [line for line in told if not line.startswith(" ")] == [
        "one 2: preinst: its own commands",
        "one 2: postinst: its own commands",
        "two 1.0: postinst: a section of dh_own",
        "two 1.0: postinst: its own commands",
    ]
    assert told[1] == "    rm -rf /"
    assert told[told.index("    line 39") + 1] == "    ... 5 more lines"
    assert "    own --install one" not in told[:40]
    assert "own --install one" in told[told.index("two 1.0: postinst: a section of dh_own") + 2]
    assert "builder rootfs learn one two'" in caught.value.hint


@pytest.mark.parametrize(
    "entry", [known(OWN + "more\n"), known(script="preinst"), known(package="other"), known(package="own?*")]
)
def test_knowledge_of_something_else_does_not_count(tmp_path: Path, entry: ScriptKnowledge) -> None:
    with pytest.raises(BuilderError, match="nothing is known of"):
        effects_of(make_deb(tmp_path, "own", [], {"postinst": POSTINST}), knowledge(entry))


def test_a_template_counts_in_its_scripts_alone(tmp_path: Path) -> None:
    deb = make_deb(tmp_path, "own", [], {"preinst": SECTION})
    with pytest.raises(BuilderError, match="nothing is known of"):
        effects_of(deb, knowledge())


def test_a_template_counts_for_its_tool_alone(tmp_path: Path) -> None:
    deb = make_deb(tmp_path, "own", [], {"postinst": SECTION.replace("dh_own", "dh_other")})
    with pytest.raises(BuilderError, match="nothing is known of"):
        effects_of(deb, knowledge())


def test_other_scripts_do_not_matter(tmp_path: Path) -> None:
    assert effects_of(make_deb(tmp_path, "own", [], {"prerm": "own\n", "postrm": "own\n"}), knowledge()) == []


def test_values_that_do_not_fit_are_told(tmp_path: Path) -> None:
    entry = known(change={"path": "/own", "mode": "{package}"})
    with pytest.raises(BuilderError, match=r"change\.mode"):
        effects_of(make_deb(tmp_path, "own", [], {"postinst": POSTINST}), knowledge(entry))

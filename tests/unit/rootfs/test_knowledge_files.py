"""Files of knowledge: which are read, what is refused in them, and those that the project ships."""

from collections import Counter
from pathlib import Path

import pytest
import yaml

from builder.core.errors import RecipeError
from builder.rootfs.knowledge.files import knowledge_files
from builder.rootfs.knowledge.load import read_knowledge
from builder.rootfs.knowledge.model import Knowledge, star_of

SHIPPED = Path(__file__).parents[3] / "recipes/debian"
NAMES = {path.stem.removesuffix("-any") for path in (SHIPPED / "packages").iterdir()}
DIGEST = "a" * 64
GOOD = f"- {{package: own, script: postinst, digests: [{DIGEST}], effects: [ldconfig]}}\n"


def place(directory: Path, **files: str | bytes) -> Path:
    """A directory of knowledge; `__` in names is `/`, and each gets the suffix of YAML."""
    for name, text in files.items():
        path = directory / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return directory


def read(directory: Path, package: str = "own") -> Knowledge:
    return read_knowledge(knowledge_files([directory], {package}))


def mistakes(directory: Path) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        read(directory)
    return [line.removeprefix(f"{directory}/") for line in caught.value.details]


def test_only_files_about_the_packages_are_read(tmp_path: Path) -> None:
    one = place(tmp_path / "1", snippets="[]", ids="{}", packages__own=GOOD, packages__other="- wrong")
    two = place(tmp_path / "2", **{"packages__own-any": "[]", "packages__o-any": "[]", "packages__own-x-any": "[]"})
    found = knowledge_files([one, two], {"own-1"})
    assert list(found) == ["0/snippets.yaml", "0/ids.yaml", "1/packages/o-any.yaml", "1/packages/own-any.yaml"]
    assert set(knowledge_files([one, two], {"own"})) == {
        *("0/snippets.yaml", "0/ids.yaml", "0/packages/own.yaml", "1/packages/o-any.yaml"),
        "1/packages/own-any.yaml",
    }


def test_directories_add_up(tmp_path: Path) -> None:
    files = [
        place(tmp_path / "1", ids="users: {a: 101, b: 102}", packages__own=GOOD),
        place(
            tmp_path / "2", ids="users: {b: 103}\ngroups: {c: 104}", packages__own=GOOD.replace("postinst", "config")
        ),
    ]
    found = read_knowledge(knowledge_files(files, {"own"}))
    assert [one.script for one in found.scripts] == ["postinst", "config"]
    assert (found.ids.users, found.ids.groups) == ({"a": 101, "b": 103}, {"c": 104})


@pytest.mark.parametrize(
    ("pattern", "name", "star"),
    [("own", "own", ""), ("own", "own1", None), ("own-*", "own-1", "1"), ("own-*", "own-", None), ("a*b", "aXb", "X")],
)
def test_stars(pattern: str, name: str, star: str | None) -> None:
    assert star_of(pattern, name) == star


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (
            "effects: []",
            "effects: what the script does is not filled in; one that does nothing has 'nothing: {why: ...}'",
        ),
        ("effects: [mkdir]", "effects.0: there is no effect 'mkdir'; known: absent, alternative, "),
        ("effects: [{link: {path: /a}}]", "effects.0: link needs target; its parameters: path, target, over"),
        ("effects: [{hwdb: {now: true}}]", "effects.0: hwdb has no now; its parameters: none"),
        ("effects: [{directory: {path: /a, mode: '0999'}}]", "effects.0: directory.mode: "),
        ("effects: [{directory: {path: [/a]}}]", "effects.0: directory.path: Input should be a valid string"),
        ("effects: [{link: {}, write: {}}]", "effects.0: an effect is written as 'NAME: {PARAMETER: VALUE, ...}'"),
        (
            "effects: [{directory: {path: '/{own}'}}]",
            "nothing gives {own} a value; there are {package}, {architecture}, ",
        ),
        ("effects: [{directory: {path: '/{star}'}}]", "nothing gives {star} a value; there are "),
        ("effects: [ldconfig], script: postrm", "script: Input should be 'preinst', 'config' or 'postinst'"),
        ("effects: [ldconfig], digests: []", "digests: no text of the script is named"),
        ("effects: [ldconfig], digests: [abc]", "digests.0: String should match pattern"),
        ("effects: [ldconfig], more: 1", "more: Extra inputs are not permitted"),
    ],
)
def test_mistakes_in_entries(tmp_path: Path, entry: str, told: str) -> None:
    wrong = f"- {{package: own, script: postinst, digests: [{DIGEST}], {entry}}}\n"
    (line,) = mistakes(place(tmp_path, packages__own=f"{GOOD}# a comment\n{wrong}"))
    assert line.startswith(f"packages/own.yaml:3: {told}")


def test_a_pattern_has_a_star(tmp_path: Path) -> None:
    entry = (
        f"- {{package: own-*, script: postinst, digests: [{DIGEST}], effects: [{{depmod: {{version: '{{star}}'}}}}]}}"
    )
    assert read(place(tmp_path, **{"packages__own-any": entry}), "own-1").scripts[0].package == "own-*"


def test_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    files = {
        "snippets": "- tool: dh_own\n- {tool: dh_own, text: own <name>, effects: [{shell: {path: '{other}'}}]}\n",
        "ids": "users: {own: many}\n",
        "packages__own": "package: own\n",
        "packages__o-any": "- fine: [\n- b: {\n",
    }
    told = mistakes(place(tmp_path, **files))
    assert told[0] == "snippets.yaml:1: text: Field required"
    assert told[1] == "snippets.yaml:2: nothing gives {other} a value; there are {name}"
    assert told[2].startswith("ids.yaml: users.own: ")
    assert told[3].startswith("packages/o-any.yaml:2: ")
    assert told[4] == "packages/own.yaml: must be a list of entries, each with a '-' in front"


@pytest.mark.parametrize("text", [b"- \xff\n", b"- \x07\n"])
def test_what_is_no_text_is_told(tmp_path: Path, text: bytes) -> None:
    (line,) = mistakes(place(tmp_path, packages__own=text))
    assert line.startswith("packages/own.yaml")


def test_an_empty_entry_is_a_mistake(tmp_path: Path) -> None:
    (line,) = mistakes(place(tmp_path, packages__own="-\n"))
    assert line.startswith("packages/own.yaml:1: ")


def test_what_is_shipped_is_read_whole_and_lies_where_it_belongs() -> None:
    for path in (SHIPPED / "packages").iterdir():
        about = {entry["package"] for entry in yaml.safe_load(path.read_text())}
        assert len(about) == 1, path
        name, star, _ = about.pop().partition("*")
        assert path.stem == (f"{name.removesuffix('-')}-any" if star else name)
    assert len(read_knowledge(knowledge_files([SHIPPED], {f"{name}x" for name in NAMES} | NAMES)).scripts) > 100


def test_no_text_is_described_twice() -> None:
    shipped = read_knowledge(knowledge_files([SHIPPED], {f"{name}x" for name in NAMES} | NAMES))
    texts = Counter((one.package, one.script, digest) for one in shipped.scripts for digest in one.digests)
    assert [text for text, times in texts.items() if times > 1] == []


def test_accounts_of_scripts_have_numbers() -> None:
    shipped = read_knowledge(knowledge_files([SHIPPED], NAMES))
    effects = [effect for one in shipped.scripts for effect in one.effects]
    users = {effect.parameters["name"] for effect in effects if effect.name == "user"}
    groups = {effect.parameters["name"] for effect in effects if effect.name == "group"}
    assert {"sshd", "netdev"} <= users | groups
    assert users - shipped.ids.users.keys() == set()
    assert groups - shipped.ids.groups.keys() == set()
    for numbers in (shipped.ids.users, shipped.ids.groups):
        assert len({*numbers.values()}) == len(numbers)
        assert all(100 < number < 1000 for number in numbers.values())

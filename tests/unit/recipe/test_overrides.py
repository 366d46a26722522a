from collections.abc import Callable

import pytest

from builder.core.arch import Arch
from builder.recipe.keypath import KeyPathError, format_key_path, parse_key_path
from builder.recipe.load import LoadedRecipe
from tests.unit.recipe.built import built

Load = Callable[..., LoadedRecipe]
FILES = {"r.yaml": "extends: good.yaml\narchitectures: [armv7, arm64]\ncluster: {tags: [a]}\n"}


def test_values_from_the_command_line_lie_over_all_files(load: Load) -> None:
    overrides = [
        "architectures[1]=amd64",
        "cluster.components.kubernetes.version=v1.37.3",
        "cluster.resources={cores: 4}",
        'cluster.variables."a.b/c.D"=x',
        'cluster.variables."a.b/c.E"={kubernetes.version} '.replace("{", "'{").replace("} ", "}'"),
        "cluster.tags=null",
        "cluster.components.kubernetes.staging=true",
        "name=yes",
    ]
    loaded = load(FILES, overrides)
    recipe = loaded.recipe
    assert recipe.architectures == (Arch.ARMV7, Arch.AMD64)
    assert built(recipe).components["kubernetes"].version == "v1.37.3"
    assert built(recipe).components["kubernetes"].staging
    assert (built(recipe).resources.cores, built(recipe).resources.memory) == (4, "6 GiB")
    assert built(recipe).variables == {"a.b/c.D": "x", "a.b/c.E": "{kubernetes.version}"}
    assert built(recipe).tags == ()
    assert recipe.name == "yes"
    assert loaded.origin("architectures[0]") == "r.yaml:2:17"
    assert loaded.origin("architectures[1]") == "--set architectures[1]=amd64"


def test_the_last_of_two_values_wins(load: Load) -> None:
    assert load(FILES, ["name=a", "name=b"]).recipe.name == "b"


def test_quoted_keys_may_hold_an_equals_sign() -> None:
    assert parse_key_path('a."b=c"') == ("a", "b=c")


CASES: dict[str, str] = {
    "name": "has no value; write key=value",
    "=x": "names no key",
    "name=": "has no value; write '' for empty text and null to drop what is inherited",
    "name.x=1": "name is a single value and has no key 'x'",
    "name[0]=1": "name is not a list, so it has no item 0",
    "[0]=1": "the recipe is not a list, so it has no item 0",
    "architectures.x=1": "architectures is a list; name one of its items, such as architectures[0]",
    "architectures[2]=amd64": "architectures has no item 2; it has 2, counted from 0",
    "architectures[0]=arm": (
        "architectures[0]: unknown architecture 'arm'; it is called armv7 here; known: armv7, arm64, amd64"
    ),
    "architectures=armv7": "architectures: must be a list, not the text 'armv7'; write [armv7]",
    "extends=a.yaml": "'extends' belongs into a file",
    "cluster.versoin=1.0.0": (
        "cluster.versoin: unknown key; did you mean 'version'?"
        " allowed: closed_sets, components, device, helpers, libraries, name, package, patches, resources, source,"
        " tags, variables, version"
    ),
    "cluter.version=1.0.0": (
        "cluter: unknown key; did you mean 'cluster'?"
        " allowed: architectures, boards, bundle, cluster, debian, extends, image, images, name, outputs, rootfs, toolchains"
    ),
    "cluster.version=1.10": 'cluster.version: must be text, not the number 1.10; put it in quotes: "1.10"',
    "cluster.resources.cores=02": (
        "a number with a leading zero is octal to some readers; write it without, or in quotes for text"
    ),
    "cluster.components.kine=null": (
        "cluster.components.kine: has no value, and there is no inherited one that null could drop"
    ),
    "name=null": "name: is required, but dropped here: null, or no value, drops what is inherited",
    "name=[a": "'[' opens here, but a ',' or the closing ']' is missing",
    "name=*a": "aliases are not supported; write the value out, or share it through 'extends'",
    "name=\udcff": "the value is not UTF-8",
    "a..b=1": (
        "cannot read the key at '..b'; write it as in cluster.version, architectures[0]"
        ' or cluster.variables."a.b/c.D"'
    ),
    '"a\\q"=1': 'unknown escape in "a\\q"',
    'cluster.variables."a.b=c"=x': (
        "cluster.variables.\"a.b=c\": the key 'a.b=c' must be a Go variable: import path, '.', name,"
        " such as k8s.io/component-base/version.gitVersion"
    ),
}


@pytest.mark.parametrize("override", CASES, ids=ascii)
def test_wrong_overrides_are_told(override: str, mistakes: Callable[..., list[str]]) -> None:
    shown = override.replace("\udcff", "?")
    assert mistakes(FILES, [override]) == [f"--set {shown}: {CASES[override]}"]


def test_wrong_overrides_are_told_all_at_once_and_on_one_line_each(mistakes: Callable[..., list[str]]) -> None:
    found = mistakes(FILES, ["x", "cluster={tags: 1,\nvresion: a}"])
    assert [line.partition(": cluster.")[0] for line in found] == [
        "--set cluster={tags: 1,?vresion: a}",
        "--set cluster={tags: 1,?vresion: a}",
        "--set x: has no value; write key=value",
    ]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("a", "b-c_1"), "a.b-c_1"),
        (("a", 0, "b"), "a[0].b"),
        (("a", "k8s.io/x.Y", 1), 'a."k8s.io/x.Y"[1]'),
        (('q"\\ü', ""), '"q\\"\\\\ü".""'),
    ],
)
def test_key_paths_are_written_as_they_are_read(path: tuple[str | int, ...], text: str) -> None:
    assert format_key_path(path) == text
    if path:
        assert parse_key_path(text) == path


@pytest.mark.parametrize("text", ["", ".a", "a.", "a[", "a[x]", "a[-1]", "a b", 'a"b"', 'a."b', "a[0]b", "a.[0]"])
def test_what_is_no_key_path_is_refused(text: str) -> None:
    with pytest.raises(KeyPathError):
        parse_key_path(text)

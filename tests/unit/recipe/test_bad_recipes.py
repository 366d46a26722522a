"""What people get wrong, and the exact lines that tell them. Each body stands in `r.yaml` below a good recipe."""

from collections.abc import Callable

import pytest

from builder.core.errors import ExitCode, RecipeError
from builder.recipe.load import LoadedRecipe

TOP = (
    "allowed: architectures, boards, bundle, cluster, debian, extends, image, images, name, outputs, rootfs, toolchains"
)
CLUSTER = (
    "allowed: closed_sets, components, device, helpers, libraries, name, package, patches, resources, source, tags,"
    " variables, version"
)
KUBERNETES = "cluster:\n  components:\n    kubernetes:\n      "
VARIABLES = "cluster:\n  variables:\n    "
MEMORY = "a number and a unit (B, KiB, MiB, GiB or TiB), such as '6 GiB'"
LABEL = "a DNS label: up to 63 lower-case letters, digits and '-', with a letter or digit at both ends"
DROPPED = "is required, but dropped here: null, or no value, drops what is inherited"
NOTHING = "has no value, and there is no inherited one that null could drop"

CASES: dict[str, tuple[str, list[str]]] = {
    "misspelt key": ("nmae: x\n", [f"2:1: nmae: unknown key; did you mean 'name'? {TOP}"]),
    "misspelt key deep down": (
        f"{KUBERNETES}versoin: v1.0.0\n",
        [
            ("5:7: cluster.components.kubernetes.versoin: unknown key; did you mean 'version'?"
            " allowed: module, staging, together, version")
        ],
    ),
    "unknown key without a neighbour": ("zzz: 1\n", [f"2:1: zzz: unknown key; {TOP}"]),
    "odd key": ('"a b\\n": 1\n', [f'2:1: "a b\\n": unknown key; {TOP}']),
    "extends in a section": ("cluster:\n  extends: x.yaml\n", [f"3:3: cluster.extends: unknown key; {CLUSTER}"]),
    "yes for true": (
        f"{KUBERNETES}staging: yes\n",
        ["5:16: cluster.components.kubernetes.staging: must be true or false; write true, without quotes, instead of 'yes'"],
    ),
    "Off for false": (
        f"{KUBERNETES}staging: Off\n",
        ["5:16: cluster.components.kubernetes.staging: must be true or false; write false, without quotes, instead of 'Off'"],
    ),
    "true in quotes": (
        f'{KUBERNETES}staging: "true"\n',
        ["5:16: cluster.components.kubernetes.staging: must be true or false; write true, without quotes, instead of 'true'"],
    ),
    "number for a boolean": (
        f"{KUBERNETES}staging: 1\n",
        ["5:16: cluster.components.kubernetes.staging: must be true or false, not the number 1"],
    ),
    "version that is a number": (
        "toolchains:\n  go: 1.10\n",
        ['3:7: toolchains.go: must be text, not the number 1.10; put it in quotes: "1.10"'],
    ),
    "version of the wrong shape": (
        'toolchains:\n  go: "1.10"\n',
        ["3:7: toolchains.go: '1.10' is not a Go release such as 1.26.8 or 1.27rc1"],
    ),
    "boolean for text": ("name: true\n", ['2:7: name: must be text, not the boolean true; put it in quotes: "true"']),
    "list for text": ("name: [a]\n", ["2:7: name: must be text, not a list"]),
    "mapping for text": ("name: {a}\n", ["2:7: name: must be text, not a mapping; text with braces needs quotes",
                                         f"2:8: name.a: {NOTHING}"]),
    "wrong shape": ("name: Edge_1\n", [f"2:7: name: 'Edge_1' is not {LABEL}"]),
    "octal": (
        "cluster:\n  resources:\n    cores: 010\n",
        ["4:12: a number with a leading zero is octal to some readers; write it without, or in quotes for text"],
    ),
    "sexagesimal": (
        "cluster:\n  resources:\n    cores: 12:30:00\n",
        ["4:12: cluster.resources.cores: must be a whole number, not the text '12:30:00'"],
    ),
    "hexadecimal": (
        "cluster:\n  resources:\n    cores: 0x10\n",
        ["4:12: cluster.resources.cores: must be a whole number, not the text '0x10'; write decimal digits only"],
    ),
    "number in quotes": (
        "cluster:\n  resources:\n    cores: '2'\n",
        ["4:12: cluster.resources.cores: must be a whole number, not the text '2'; remove the quotes"],
    ),
    "fraction": (
        "cluster:\n  resources:\n    cores: 2.0\n",
        ["4:12: cluster.resources.cores: must be a whole number, not the number 2.0"],
    ),
    "too small": (
        "cluster:\n  resources:\n    cores: 0\n    memory: 0 B\n",
        [
            "4:12: cluster.resources.cores: must be at least 1",
            "5:13: cluster.resources.memory: must be more than nothing",
        ],
    ),
    "too large": (
        "cluster:\n  resources:\n    cores: 1025\n    memory: 5 GB\n",
        [
            "4:12: cluster.resources.cores: must be at most 1024",
            f"5:13: cluster.resources.memory: '5 GB' is not {MEMORY}",
        ],
    ),
    "word for a list": (
        "architectures: armv7\n",
        ["2:16: architectures: must be a list, not the text 'armv7'; write [armv7]"],
    ),
    "mapping for a list": ("architectures: {a: b}\n", ["2:16: architectures: must be a list, not a mapping"]),
    "empty list": ("architectures: []\n", ["2:16: architectures: must not be empty"]),
    "listed twice": ("architectures: [armv7, arm64, armv7]\n", ["2:31: architectures[2]: armv7 is listed twice"]),
    "unknown architectures": (
        "architectures: [armv6, x86_64, aarch64, mips, 3, null]\n",
        [
            "2:17: architectures[0]: unknown architecture 'armv6'; did you mean 'armv7'? known: armv7, arm64, amd64",
            "2:24: architectures[1]: unknown architecture 'x86_64'; it is called amd64 here; known: armv7, arm64, amd64",
            "2:32: architectures[2]: unknown architecture 'aarch64'; it is called arm64 here; known: armv7, arm64, amd64",
            "2:41: architectures[3]: unknown architecture 'mips'; known: armv7, arm64, amd64",
            "2:47: architectures[4]: must be one of armv7, arm64, amd64, not the number 3",
            "2:50: architectures[5]: must be one of armv7, arm64, amd64, not null",
        ],
    ),
    "unknown output": (
        "outputs: [executables]\n",
        [
            (
                "2:11: outputs[0]: unknown output 'executables'; did you mean 'executable'?"
                " known: executable, rootfs, bundle, image, update"
            )
        ],
    ),
    "update without images": ("outputs: [update]\n", ["2:11: outputs: update needs image beside it"]),
    "word for a section": (
        "cluster: kedge\n",
        ["2:10: cluster: must be a mapping ('key: value'), not the text 'kedge'"],
    ),
    "list for a section": ("toolchains: [go]\n", ["2:13: toolchains: must be a mapping ('key: value'), not a list"]),
    "component's name": (
        "cluster:\n  components:\n    K8s: {version: v1.0.0, module: a.b/c}\n",
        [f"4:5: cluster.components.K8s: the key 'K8s' must be {LABEL}"],
    ),
    "component's values": (
        "cluster:\n  components:\n    foo: {version: 1.0.0, module: foo}\n",
        [
            "4:20: cluster.components.foo.version: '1.0.0' is not a Go module version such as v1.37.2",
            "4:35: cluster.components.foo.module: 'foo' is not a Go module path such as k8s.io/kubernetes",
        ],
    ),
    "incomplete component": (
        "cluster:\n  components:\n    foo:\n      together: []\n",
        [
            "4:5: cluster.components.foo.module: is required, but missing",
            "4:5: cluster.components.foo.version: is required, but missing",
        ],
    ),
    "module in two components": (
        "cluster:\n  components:\n    foo: {version: v1.0.0, module: a.b/c, together: [a.b/d, k8s.io/kubernetes]}\n",
        ["4:61: cluster.components.foo: the module k8s.io/kubernetes takes its version from kubernetes already"],
    ),
    "variable's name": (
        f"{VARIABLES}gitMajor: x\n",
        [
            ("4:5: cluster.variables.gitMajor: the key 'gitMajor' must be a Go variable: import path, '.', name,"
            " such as k8s.io/component-base/version.gitVersion")
        ],
    ),
    "variable's characters": (
        f'{VARIABLES}a.b/c.D: "it\'s"\n',
        [
            ('4:14: cluster.variables."a.b/c.D": "it\'s" is not printable ASCII without quotes and backslashes,'
            " which a linker flag cannot carry")
        ],
    ),
    "template without quotes": (
        f"{VARIABLES}a.b/c.D: {{version}}\n",
        ['4:14: cluster.variables."a.b/c.D": must be text, not a mapping; text with braces needs quotes'],
    ),
    "template with an unknown component": (
        f'{VARIABLES}a.b/c.D: "{{kuberntes.version}}"\n',
        [
            ("4:14: cluster.variables.\"a.b/c.D\": unknown component 'kuberntes'; did you mean 'kubernetes'?"
            " allowed: kubernetes")
        ],
    ),
    "template with an unknown field": (
        f'{VARIABLES}a.b/c.D: "{{kubernetes.verson}}"\n',
        [
            ("4:14: cluster.variables.\"a.b/c.D\": unknown field 'verson' of kubernetes; did you mean 'version'?"
            " allowed: major, minor, version")
        ],
    ),
    "template with an unknown name": (
        f'{VARIABLES}a.b/c.D: "{{dat}}"\n',
        [
            ("4:14: cluster.variables.\"a.b/c.D\": unknown name 'dat'; did you mean 'date'?"
            " allowed: date, version, kubernetes.major, kubernetes.minor, kubernetes.version")
        ],
    ),
    "template with a lone brace": (
        f'{VARIABLES}a.b/c.D: "}}{{"\n',
        [
            "4:14: cluster.variables.\"a.b/c.D\": a lone '{'; write '{{' for a brace as such",
            "4:14: cluster.variables.\"a.b/c.D\": a lone '}'; write '}}' for a brace as such",
        ],
    ),
    "paths": (
        'cluster:\n  source: ""\n  package: cmd/kedge\n',
        [
            "3:11: cluster.source: '' is not a path: not empty, and without control characters",
            "4:12: cluster.package: 'cmd/kedge' is not a package inside the module, such as ./cmd/kedge",
        ],
    ),
    "package outside": (
        "cluster:\n  package: ./../x\n",
        ["3:12: cluster.package: './../x' is not a package inside the module, such as ./cmd/kedge"],
    ),
    "path that is a number": (
        "cluster:\n  source: 5\n",
        ['3:11: cluster.source: must be text, not the number 5; put it in quotes: "5"'],
    ),
    "no value": ("cluster:\n  tags:\n", [f"3:3: cluster.tags: {NOTHING}"]),
    "drop of a misspelt name": (
        "cluster:\n  components:\n    kubernets: null\n",
        [f"4:5: cluster.components.kubernets: {NOTHING}; did you mean 'kubernetes'?"],
    ),
    "drop of what is required": (
        "name:\ncluster:\n  version: null\n",
        [f"2:6: name: {DROPPED}", f"4:12: cluster.version: {DROPPED}"],
    ),
    "drop of a section": ("toolchains: null\n", [f"2:13: toolchains: {DROPPED}"]),
    "YAML and values together": (
        "name: 01\nname: x\narchitectures: *a\nouputs: []\n",
        [
            "2:7: a number with a leading zero is octal to some readers; write it without, or in quotes for text",
            "3:1: the key is written in line 2 already",
            "4:16: aliases are not supported; write the value out, or share it through 'extends'",
            f"5:1: ouputs: unknown key; did you mean 'outputs'? {TOP}",
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_mistake_is_told_at_its_place(name: str, mistakes: Callable[..., list[str]]) -> None:
    body, expected = CASES[name]
    assert mistakes({"r.yaml": f"extends: good.yaml\n{body}"}) == [f"r.yaml:{line}" for line in expected]


def test_an_empty_recipe_lacks_every_required_key(mistakes: Callable[..., list[str]]) -> None:
    assert mistakes({"r.yaml": "cluster:\n  name: kedge\n"}) == [
        "r.yaml:1:1: architectures: is required, but missing",
        "r.yaml:1:1: cluster.components: is required, but missing",
        "r.yaml:1:1: cluster.source: is required, but missing",
        "r.yaml:1:1: cluster.version: is required, but missing",
        "r.yaml:1:1: name: is required, but missing",
        "r.yaml:1:1: toolchains: is required, but missing",
    ]


def test_the_error_counts_mistakes_and_points_to_the_reference(load: Callable[..., LoadedRecipe]) -> None:
    with pytest.raises(RecipeError) as caught:
        load({"r.yaml": "extends: good.yaml\nname: 1\nnmae: 1\n"})
    assert caught.value.brief == "2 mistakes in the recipe r.yaml"
    assert caught.value.hint == "every key is explained in docs/reference/recipe.md"
    assert caught.value.exit_code == ExitCode.USAGE


def test_a_missing_recipe_names_the_file_that_was_meant(load: Callable[..., LoadedRecipe]) -> None:
    with pytest.raises(RecipeError) as caught:
        load({}, main="god.yaml")
    assert caught.value.details == ("god.yaml: no such file; did you mean 'good.yaml'?",)
    assert caught.value.hint == ""


def test_values_that_nobody_wrote_by_hand_are_cut_short(mistakes: Callable[..., list[str]]) -> None:
    (line,) = mistakes({"r.yaml": f"extends: good.yaml\nname: {'A' * 100_000}\n"})
    assert len(line) < 1100


@pytest.mark.parametrize(
    "body",
    [
        "".join(f"key{n}:\nyek{n}: 1\n" for n in range(10_000)),
        f"cluster: {{tags: [{','.join(f't{n}' for n in range(30_000))}]}}\n",
    ],
    ids=["many useless nulls", "many tags"],
)
def test_absurd_recipes_are_judged_in_reasonable_time(body: str, mistakes: Callable[..., list[str]]) -> None:
    # Comparing each with each would take minutes.
    mistakes({"r.yaml": f"extends: good.yaml\n{body}"})

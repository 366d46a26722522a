"""Recipes that name ready-made executables."""

from collections.abc import Callable
from pathlib import Path

import pytest

from builder.recipe.cluster import ImportedCluster
from builder.recipe.load import LoadedRecipe
from builder.recipe.resolve import resolve, to_yaml

SHA256 = "0" * 63 + "1"
HEAD = """\
name: foreign
architectures: [armv7, amd64]
toolchains: {go: 1.26.8, go_bootstrap: 1.27.3, zig: 0.17.1}
cluster:
  name: k0s
  version: 1.36.2+k0s.0
  executables:
"""
GOOD = f"{HEAD}    armv7: {{file: down/k0s-arm, sha256: '{SHA256}'}}\n    amd64: {{url: 'http://host/k0s', sha256: '{SHA256}'}}\n"


def test_an_imported_cluster_needs_no_source(load: Callable[..., LoadedRecipe], tmp_path: Path) -> None:
    cluster = load({"r.yaml": GOOD}).recipe.cluster
    assert isinstance(cluster, ImportedCluster)
    assert {arch.value: (one.file, one.url) for arch, one in cluster.executables.items()} == {
        "armv7": (tmp_path / "down/k0s-arm", None),
        "amd64": (None, "http://host/k0s"),
    }


def test_what_is_shown_loads_again_as_the_same_recipe(load: Callable[..., LoadedRecipe]) -> None:
    loaded = load({"r.yaml": GOOD})
    assert load({"r.yaml": to_yaml(resolve(loaded))}).recipe == loaded.recipe


MISTAKES = {
    "both origins": (
        f"    armv7: {{file: a, url: 'http://b', sha256: '{SHA256}'}}\n    amd64: {{sha256: '{SHA256}'}}\n",
        [
            "8:5: cluster.executables.armv7: needs either file or url, not both",
            "9:5: cluster.executables.amd64: needs either file or url",
        ],
    ),
    "no executable for an architecture": (
        f"    arm64: {{file: a, sha256: '{SHA256}'}}\n",
        [
            "2:17: architectures: armv7 has no executable: cluster.executables.armv7 is missing",
            "2:24: architectures: amd64 has no executable: cluster.executables.amd64 is missing",
        ],
    ),
    "values of the wrong shape": (
        "    armv7: {file: a, sha256: ABC}\n    amd64: {url: ftp://x, sha256: ABC, sha512: x}\n",
        [
            "8:30: cluster.executables.armv7.sha256: 'ABC' is not a SHA-256 digest as 64 lower-case hexadecimal digits",
            (
                "9:18: cluster.executables.amd64.url: 'ftp://x' is not an address that starts with http:// or https://,"
                " without user and password"
            ),
            "9:35: cluster.executables.amd64.sha256: 'ABC' is not a SHA-256 digest as 64 lower-case hexadecimal digits",
            "9:40: cluster.executables.amd64.sha512: unknown key; did you mean 'sha256'? allowed: file, sha256, url",
        ],
    ),
    "keys of a built cluster": (
        f"    armv7: {{file: a, sha256: '{SHA256}'}}\n    amd64: {{file: a, sha256: '{SHA256}'}}\n  source: ../cluster\n",
        ["10:3: cluster.source: unknown key; allowed: device, executables, name, version"],
    ),
    "what a device is told": (
        (
            f"    armv7: {{file: a, sha256: '{SHA256}'}}\n    amd64: {{file: a, sha256: '{SHA256}'}}\n"
            "  device:\n    data_dir: var/lib\n    token: {otpion: --token-file}\n"
        ),
        [
            (
                "11:15: cluster.device.data_dir: 'var/lib' is not an absolute path on the device, such as /var/lib/kedge:"
                " letters, digits and '._@+-' between slashes"
            ),
            "12:5: cluster.device.token.option: is required, but missing",
            "12:13: cluster.device.token.otpion: unknown key; did you mean 'option'? allowed: encoding, option",
        ],
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_is_told_at_its_place(name: str, mistakes: Callable[..., list[str]]) -> None:
    body, expected = MISTAKES[name]
    assert mistakes({"r.yaml": HEAD + body}) == [f"r.yaml:{line}" for line in expected]

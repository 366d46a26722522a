"""Mistakes in the parts of a recipe that are patched, compiled from C, or carried inside."""

from collections.abc import Callable


def test_an_unknown_key_in_a_list_of_sections(mistakes: Callable[..., list[str]]) -> None:
    body = "extends: good.yaml\ncluster:\n  patches:\n    - {modul: k8s.io/kubernetes, file: x.patch}\n"
    assert mistakes({"r.yaml": body}) == [
        "r.yaml:4:7: cluster.patches[0].module: is required, but missing",
        "r.yaml:4:8: cluster.patches[0].modul: unknown key; did you mean 'module'? allowed: file, module",
    ]


HELPERS = """\
extends: good.yaml
cluster:
  helpers:
    runc:
      package: github.com/opencontainers/runc
      libraries: [secomp]
      variables:
        main.version: "{kubernets.version}"
      links: [../runc]
    cni:
      package: cmd/cni
      version: "{cni}"
  libraries:
    seccomp:
      archive: libseccomp
      sources: [src/*.c]
      headers: [/usr/include/seccomp.h]
  closed_sets:
    nft:
      executable: usr/sbin/nft
      packages: []
"""


def test_mistakes_in_what_travels_inside(mistakes: Callable[..., list[str]]) -> None:
    relative = "a relative path such as usr/sbin/nft: letters, digits and '._@+-' between slashes"
    assert mistakes({"r.yaml": HELPERS}) == [
        "r.yaml:6:19: cluster.helpers.runc.libraries[0]: unknown library 'secomp'; did you mean 'seccomp'? known: seccomp",
        (
            "r.yaml:8:23: cluster.helpers.runc.variables.\"main.version\": unknown component 'kubernets';"
            " did you mean 'kubernetes'? allowed: kubernetes"
        ),
        f"r.yaml:9:15: cluster.helpers.runc.links[0]: '../runc' is not {relative}",
        (
            "r.yaml:11:16: cluster.helpers.cni.package: 'cmd/cni' is not a package such as ./cmd/cni or"
            " github.com/opencontainers/runc"
        ),
        (
            "r.yaml:12:16: cluster.helpers.cni.version: unknown name 'cni'; allowed: date, version, kubernetes.major,"
            " kubernetes.minor, kubernetes.version"
        ),
        "r.yaml:14:5: cluster.libraries.seccomp: comes out of Debian's archive, but the section debian is missing",
        (
            "r.yaml:17:17: cluster.libraries.seccomp.headers[0]: '/usr/include/seccomp.h' is not a relative path in an archive"
            " such as src/*.c, or '.' for its root"
        ),
        "r.yaml:19:5: cluster.closed_sets.nft: comes out of Debian's archive, but the section debian is missing",
        "r.yaml:21:17: cluster.closed_sets.nft.packages: must not be empty",
    ]


def test_an_architecture_without_a_suite(mistakes: Callable[..., list[str]]) -> None:
    body = (
        "extends: good.yaml\narchitectures: [armv7, arm64]\ndebian:\n  suites: {armv7: [bookworm]}\n  sources: trixie\n"
        "cluster:\n  closed_sets:\n    nft: {executable: usr/sbin/nft, packages: [nftables]}\n"
    )
    assert mistakes({"r.yaml": body}) == [
        "r.yaml:2:24: architectures: closed sets for arm64 need debian.suites.arm64, which is missing"
    ]

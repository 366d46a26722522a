import pytest

from builder.core.errors import BuilderError
from builder.oci.reference import Reference

DIGEST = f"sha256:{'ab' * 32}"


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("team/app", "docker.io/team/app:latest"),
        ("index.docker.io/nginx", "docker.io/library/nginx:latest"),
        ("localhost/app:1", "localhost/app:1"),
        ("localhost:5000/app", "localhost:5000/app:latest"),
        ("registry.example.com/a/b/c_d.e-f:V1.2", "registry.example.com/a/b/c_d.e-f:V1.2"),
        ("UPPER/app:1", "UPPER/app:1"),
        ("[::1]:5000/app:1", "[::1]:5000/app:1"),
        (f"nginx@{DIGEST}", f"docker.io/library/nginx@{DIGEST}"),
        (f"host:1/a:2@{DIGEST}", f"host:1/a:2@{DIGEST}"),
    ],
)
def test_short_references_stand_for_whole_ones(text: str, whole: str) -> None:
    assert str(Reference.parse(text)) == whole
    assert str(Reference.parse(whole)) == whole


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":1",
        "App",
        "a//b",
        "a/../b",
        "a:b c",
        "a@",
        "a@sha256:12",
        "-a/b.c/d",
        "a:" + "t" * 129,
        "a/" + "n" * 255,
        "a\n",
    ],
)
def test_what_is_no_reference_is_told(text: str) -> None:
    with pytest.raises(BuilderError):
        Reference.parse(text)

"""Go modules that a recipe changes."""

from builder.core.errors import ExitCode
from tests.integration.app.checkout import Checkout, replace
from tests.integration.app.driver import Builder

PATCH = """\
--- a/greeting.go
+++ b/greeting.go
@@ -4 +4 @@
-func Text() string { return "hello" }
+func Text() string { return "good evening" }
"""


def patch(checkout: Checkout, text: str) -> None:
    place = checkout.cluster / "patches" / "evening.patch"
    place.parent.mkdir(exist_ok=True)
    place.write_text(text)
    if "patches:" not in checkout.cluster_recipe.read_text():
        replace(
            checkout.cluster_recipe,
            "  resources:\n",
            "  patches:\n    - module: example.org/greeting\n      file: ../../cluster/patches/evening.patch\n  resources:\n",
        )


def test_a_patched_module_is_built_in(builder: Builder, checkout: Checkout) -> None:
    patch(checkout, PATCH)
    result = builder.run("make", "--arch", "amd64")
    assert result.code == ExitCode.OK, result.err
    assert b"good evening" in (checkout.out / "edge" / "amd64" / "tiny").read_bytes()


def test_a_patch_that_does_not_fit_is_shown(builder: Builder, checkout: Checkout) -> None:
    patch(checkout, PATCH.replace("hello", "hallo"))
    result = builder.run("make", "--arch", "amd64")
    assert result.code == ExitCode.USAGE
    assert "patches of Go modules do not fit" in result.err
    assert "evening.patch" in result.err
    assert 'func Text() string { return "hallo" }' in result.err
    assert 'func Text() string { return "hello" }' in result.err
    patch(checkout, PATCH)
    assert builder.run("make", "--arch", "amd64").code == ExitCode.OK


def test_a_patch_that_is_not_there(builder: Builder, checkout: Checkout) -> None:
    patch(checkout, PATCH)
    (checkout.cluster / "patches" / "evening.patch").unlink()
    result = builder.run("make")
    assert result.code == ExitCode.USAGE
    assert "recipes/cluster/tiny.yaml:14:13: there is no file cluster/patches/evening.patch" in result.err

import pytest

from builder.core.errors import BuilderError
from builder.gobuild.modules import ModuleSum, parse_go_sum
from builder.gobuild.resolve import staging_version

SUM = "h1:ZOmGe1OnfREDMIdb1Qi4G9JSuDPBLGExZMQ4nis1RXM="


def test_go_sum_tells_archives_from_go_mod_files() -> None:
    text = f"example.org/a v1.0.0 {SUM}\nexample.org/a v1.0.0/go.mod {SUM}\n"
    archive, go_mod = parse_go_sum(text)
    assert archive == ModuleSum(path="example.org/a", version="v1.0.0", go_mod_only=False, h1=SUM)
    assert go_mod.go_mod_only
    assert str(go_mod) == "example.org/a@v1.0.0"


def test_upper_case_letters_are_escaped_as_proxies_serve_them() -> None:
    (item,) = parse_go_sum(f"github.com/BurntSushi/toml v1.0.0-RC1 {SUM}\n")
    assert item.proxy_stem.as_posix() == "github.com/!burnt!sushi/toml/@v/v1.0.0-!r!c1"


@pytest.mark.parametrize("line", ["one two", f"a b {SUM} d", "a v1.0.0 sha256:00"])
def test_a_malformed_line_is_named(line: str) -> None:
    with pytest.raises(BuilderError, match=r"go\.sum:2: expected"):
        parse_go_sum(f"example.org/a v1.0.0 {SUM}\n{line}\n")


@pytest.mark.parametrize(("version", "staging"), [("v1.37.2", "v0.37.2"), ("v1.38.0-rc.1", "v0.38.0-rc.1")])
def test_staging_modules_follow_kubernetes(version: str, staging: str) -> None:
    assert staging_version(version) == staging

import pytest

from benchmarks.symbols import OTHER, module_like, package_of, weigh
from builder.core.errors import BuilderError


@pytest.mark.parametrize(
    ("symbol", "package"),
    [
        ("k8s.io/api/core/v1.(*Pod).Marshal", "k8s.io/api/core/v1"),
        ("main.main", "main"),
        ("runtime.memmove", "runtime"),
        ("gopkg.in/yaml%2ev3.Marshal", "gopkg.in/yaml.v3"),
        ("type:.eq.k8s.io/api/core/v1.Taint", "k8s.io/api/core/v1"),
        ("type:*k8s.io/api/core/v1.Pod", "k8s.io/api/core/v1"),
        ("go:itab.*os.File,io.Reader", "os"),
        ("slices.Sort[go.shape.[]example.test/a.B]", "slices"),
        ("example.test/a.Map[go.shape.string,go.shape.struct { example.test/b.C }].Get", "example.test/a"),
        ("go:func.*", OTHER),
        ("$f32.3f000000", OTHER),
    ],
)
def test_package_of_a_symbol(symbol: str, package: str) -> None:
    assert package_of(symbol) == package


def test_weigh() -> None:
    listing = """\
  4010a0        100 T example.test/a.Run
  4020a0         30 t example.test/a.run.func1
  5010a0          8 R example.test/b.table
  6010a0          4 D example.test/b.counter
  7000000          0 d runtime.bss
  7000000        512 D example.test/b.small
  7000200    1048576 D example.test/b.buffer
  7100200          0 d runtime.end
                  U example.test/c.Extern
"""
    assert weigh(listing.splitlines(keepends=True)) == {"example.test/a": 130, "example.test/b": 12}


def test_weigh_refuses_what_is_stripped() -> None:
    with pytest.raises(BuilderError, match=r"no list of a Go executable's symbols"):
        weigh(["  4010a0        100 T example.test/a.Run"])


@pytest.mark.parametrize(
    ("package", "module"),
    [
        ("github.com/coredns/coredns/plugin/cache", "github.com/coredns/coredns"),
        ("k8s.io/api/core/v1", "k8s.io/api"),
        ("go.etcd.io/bbolt", "go.etcd.io/bbolt"),
        ("net/http", "standard library"),
        (OTHER, OTHER),
    ],
)
def test_module_like(package: str, module: str) -> None:
    assert module_like(package) == module

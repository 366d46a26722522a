import pytest

from builder.core.errors import RecipeError
from builder.fleet.endpoints import Endpoint, parse_endpoints


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mill.example.com", "mill.example.com:6443"),
        ("Mill.Example.COM:7443", "mill.example.com:7443"),
        ("192.0.2.7", "192.0.2.7:6443"),
        ("2001:DB8::1", "[2001:db8::1]:6443"),
        ("[2001:db8::1]:1", "[2001:db8::1]:1"),
        ("host", "host:6443"),
    ],
)
def test_endpoints(text: str, shown: str) -> None:
    endpoint = Endpoint.parse(text)
    assert str(endpoint) == shown
    assert Endpoint.parse(shown) == endpoint
    assert endpoint.url == f"https://{shown}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":6443",
        "a:0",
        "a:65536",
        "a:b",
        "https://a",
        "a/b",
        "a b",
        "-a",
        "a..b",
        "192.0.2",
        "192.0.2.256",
        "[::1",
        "::x",
        "a" * 64,
    ],
)
def test_what_is_no_endpoint(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be|is no|a port is"):
        Endpoint.parse(text)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(RecipeError) as error:
        parse_endpoints(["a:0", "b", "b:6443", "https://c"])
    assert [line.partition(":")[0] for line in error.value.details] == [
        "--endpoint 'a",
        "--endpoint 'b",
        "--endpoint 'https",
    ]

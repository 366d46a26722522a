from pathlib import Path

import pytest

from builder.core.errors import BuilderError
from builder.debian.connection import open_client
from builder.debian.kept import KeptFiles, kept_place


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://example.org/a/k0s", "example.org/a/k0s"),
        ("https://user:secret@example.org:8443/a/k0s", "example.org:8443/a/k0s"),
        ("https://example.org/v1.2%2Bk0s.0/k0s", "example.org/v1.2+k0s.0/k0s"),
        ("https://example.org/get?name=k0s&os=linux/arm", "example.org/get?name=k0s&os=linux%2Farm"),
        ("https://example.org/../../../etc/passwd", "example.org/etc/passwd"),
        ("https://example.org/%2e%2e/%2Fetc%2Fpasswd", "example.org/%2Fetc%2Fpasswd"),
        ("https://example.org", "example.org/index.html"),
    ],
)
def test_a_place_for_every_address(url: str, place: str) -> None:
    assert str(kept_place(url)) == place


def test_what_is_kept_is_served_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "example.org").mkdir()
    (tmp_path / "example.org" / "k0s").write_bytes(b"content")
    kept = KeptFiles(root=tmp_path, advice="keep it first")
    # Were a server asked, this proxy would be.
    with open_client({"all_proxy": "http://127.0.0.1:9"}, stall_s=5, kept=kept) as client:
        assert client.get("https://example.org/k0s").content == b"content"
        with pytest.raises(BuilderError) as refused:
            client.get("https://user:secret@example.org/other")
    assert refused.value.brief == "https://example.org/other cannot be had without a network"
    assert refused.value.details == (f"there is no {tmp_path}/example.org/other",)
    assert refused.value.hint == "keep it first"
